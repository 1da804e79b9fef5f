package agent;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;

/** Messages of protocol buffers, as far as HBase's need it: numbers, and bytes, which are also texts and messages. */
final class Proto {
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();

    Proto number(int field, long value) {
        varint(out, (long) field << 3);
        varint(out, value);
        return this;
    }

    Proto bytes(int field, byte[] value) {
        varint(out, (long) field << 3 | 2);
        varint(out, value.length);
        out.write(value, 0, value.length);
        return this;
    }

    Proto text(int field, String value) {
        return bytes(field, value.getBytes(StandardCharsets.UTF_8));
    }

    Proto message(int field, Proto value) {
        return bytes(field, value.out.toByteArray());
    }

    byte[] toBytes() {
        return out.toByteArray();
    }

    /** With its length before it. */
    byte[] delimited() {
        ByteArrayOutputStream whole = new ByteArrayOutputStream();
        varint(whole, out.size());
        byte[] content = out.toByteArray();
        whole.write(content, 0, content.length);
        return whole.toByteArray();
    }

    private static void varint(ByteArrayOutputStream to, long value) {
        long left = value;
        while ((left & ~0x7FL) != 0) {
            to.write((int) (left & 0x7F | 0x80));
            left >>>= 7;
        }
        to.write((int) left);
    }

    /** A message that was read: by field, its values in their order, {@code byte[]} or {@code Long}. */
    static final class Read {
        private final TreeMap<Integer, List<Object>> fields = new TreeMap<>();

        static Read of(byte[] bytes) throws IOException {
            Read read = new Read();
            InputStream in = new java.io.ByteArrayInputStream(bytes);
            while (in.available() > 0) {
                long tag = varint(in);
                read.fields.computeIfAbsent((int) (tag >>> 3), f -> new ArrayList<>()).add(value(in, (int) tag & 7));
            }
            return read;
        }

        private static Object value(InputStream in, int type) throws IOException {
            switch (type) {
                case 0:
                    return varint(in);
                case 1:
                    return in.readNBytes(8);
                case 2:
                    return whole(in, varint(in));
                case 5:
                    return in.readNBytes(4);
                default:
                    throw new IOException("a field of the unknown type " + type);
            }
        }

        static byte[] whole(InputStream in, long length) throws IOException {
            byte[] bytes = in.readNBytes((int) length);
            if (bytes.length < length) {
                throw new java.io.EOFException("a message that is cut off");
            }
            return bytes;
        }

        static long varint(InputStream in) throws IOException {
            long value = 0;
            for (int shift = 0; shift < 64; shift += 7) {
                int next = in.read();
                if (next < 0) {
                    throw new java.io.EOFException("a message that is cut off");
                }
                value |= (long) (next & 0x7F) << shift;
                if (next < 0x80) {
                    return value;
                }
            }
            throw new IOException("a number that is too long");
        }

        boolean has(int field) {
            return fields.containsKey(field);
        }

        private Object first(int field) {
            List<Object> values = fields.get(field);
            return values == null ? null : values.get(0);
        }

        long number(int field) {
            Object value = first(field);
            return value instanceof Long ? (Long) value : 0;
        }

        byte[] bytes(int field) {
            Object value = first(field);
            return value instanceof byte[] ? (byte[]) value : new byte[0];
        }

        String text(int field) {
            return new String(bytes(field), StandardCharsets.UTF_8);
        }

        Read message(int field) throws IOException {
            return of(bytes(field));
        }

        List<Read> messages(int field) throws IOException {
            List<Read> all = new ArrayList<>();
            for (Object value : fields.getOrDefault(field, new ArrayList<>())) {
                all.add(of((byte[]) value));
            }
            return all;
        }
    }
}
