package agent;

import java.io.BufferedInputStream;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Frames: a kind (one byte), a length (four bytes, big-endian), and so many bytes. Strings in them are a length of four
 * bytes and UTF-8.
 *
 * <p>It also knows since when it waits for the other side, which is how a peer that vanished is found out.
 */
final class Wire {
    /** Content, in both directions. */
    static final byte DATA = 'd';
    /** End of the content that the client sends. */
    static final byte END = 'e';
    /** The first frame of a session: it can take requests. */
    static final byte HELLO = 'h';
    /** Some entries of a listing. */
    static final byte ENTRIES = 'n';
    /** The last frame of a request that succeeded, with its result. */
    static final byte DONE = 'o';
    /** The last frame of a request that failed: class, message, class and message of the root cause. */
    static final byte FAILED = 'x';
    /** A request is still being worked on. */
    static final byte ALIVE = 'a';

    /** The most that one frame holds; the client sends less. */
    private static final int LIMIT = 1 << 20;

    private final DataInputStream in;
    private final DataOutputStream out;
    private final ReentrantLock sending = new ReentrantLock();
    private volatile long receivingSince;
    private volatile long sendingSince;
    private volatile long sentAt = System.nanoTime();

    Wire(InputStream in, OutputStream out) {
        this.in = new DataInputStream(new BufferedInputStream(in, 1 << 16));
        this.out = new DataOutputStream(out);
    }

    /** The next frame; null at the end of the input. */
    Frame receive() throws IOException {
        receivingSince = System.nanoTime();
        try {
            int kind = in.read();
            if (kind < 0) {
                return null;
            }
            int length = in.readInt();
            if (length < 0 || length > LIMIT) {
                throw new IOException("a frame of " + length + " bytes");
            }
            byte[] body = new byte[length];
            in.readFully(body);
            return new Frame((byte) kind, body);
        } finally {
            receivingSince = 0;
        }
    }

    void send(byte kind, byte[] body, int length) throws IOException {
        sending.lock();
        try {
            sendingSince = System.nanoTime();
            // One write: a frame is one message of the connection.
            byte[] frame = new byte[5 + length];
            frame[0] = kind;
            for (int i = 0; i < 4; i++) {
                frame[1 + i] = (byte) (length >>> (24 - 8 * i));
            }
            System.arraycopy(body, 0, frame, 5, length);
            out.write(frame);
            out.flush();
            sentAt = System.nanoTime();
        } finally {
            sendingSince = 0;
            sending.unlock();
        }
    }

    void send(byte kind, Body body) throws IOException {
        send(kind, body.bytes.toByteArray(), body.bytes.size());
    }

    /** Says that it lives, when nothing was said for some seconds and nobody else is about to say something. */
    void beat(long seconds) throws IOException {
        if (System.nanoTime() - sentAt > seconds * 1_000_000_000L && sending.tryLock()) {
            try {
                send(ALIVE, new byte[0], 0);
            } finally {
                sending.unlock();
            }
        }
    }

    /** For how many seconds the other side has neither said nor taken anything that is waited for. */
    long silence() {
        return Math.max(since(receivingSince), since(sendingSince));
    }

    private static long since(long time) {
        return time == 0 ? 0 : (System.nanoTime() - time) / 1_000_000_000L;
    }

    /** The content that the client sends, as a stream that ends at its {@link #END}. */
    final class Content extends InputStream {
        private byte[] chunk = new byte[0];
        private int at;
        private boolean ended;

        @Override
        public int read() throws IOException {
            byte[] one = new byte[1];
            return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
        }

        @Override
        public int read(byte[] into, int offset, int length) throws IOException {
            while (at == chunk.length) {
                if (ended) {
                    return -1;
                }
                Frame frame = receive();
                if (frame == null) {
                    throw new EOFException("the connection was cut");
                }
                ended = frame.kind != DATA;
                chunk = ended ? new byte[0] : frame.body;
                at = 0;
            }
            int some = Math.min(length, chunk.length - at);
            System.arraycopy(chunk, at, into, offset, some);
            at += some;
            return some;
        }

        /** Takes what is left, so that the next frame is a request again. */
        void drain() throws IOException {
            while (!ended) {
                at = chunk.length;
                read();
            }
        }
    }

    /** A frame that came in, and the fields in it. */
    static final class Frame {
        final byte kind;
        final byte[] body;
        private final DataInputStream fields;

        Frame(byte kind, byte[] body) {
            this.kind = kind;
            this.body = body;
            fields = new DataInputStream(new ByteArrayInputStream(body));
        }

        String text() throws IOException {
            byte[] bytes = new byte[Math.min(fields.readInt(), body.length)];
            fields.readFully(bytes);
            return new String(bytes, StandardCharsets.UTF_8);
        }

        String[] texts() throws IOException {
            String[] texts = new String[Math.min(fields.readInt(), body.length)];
            for (int i = 0; i < texts.length; i++) {
                texts[i] = text();
            }
            return texts;
        }

        int number() throws IOException {
            return fields.readInt();
        }

        long big() throws IOException {
            return fields.readLong();
        }
    }

    /** The fields of a frame that goes out. */
    static final class Body {
        private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        private final DataOutputStream fields = new DataOutputStream(bytes);

        Body text(String text) throws IOException {
            byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
            fields.writeInt(utf8.length);
            fields.write(utf8);
            return this;
        }

        Body number(int number) throws IOException {
            fields.writeInt(number);
            return this;
        }

        Body big(long number) throws IOException {
            fields.writeLong(number);
            return this;
        }

        int size() {
            return bytes.size();
        }

        void clear() {
            bytes.reset();
        }
    }
}
