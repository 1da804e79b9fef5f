package agent;

import java.io.Closeable;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/**
 * Measures a data store, in a table of its own, for a bounded time. How to reach the store is in the variables that a job
 * gets that is bound to it. Results are JSON; times are microseconds.
 */
final class Data {
    /** Milliseconds until a connection or an answer is given up. */
    static final int PATIENCE = 15_000;
    /** Bytes of a row's value. */
    private static final int VALUE = 100;
    private static final int SAMPLES = 2000;

    /** A connection to a store, and the table of the check there. */
    interface Rows extends Closeable {
        /** What the store says of itself: members of a JSON object. */
        String facts() throws IOException;

        void make() throws IOException;

        void put(String key, String value) throws IOException;

        /** The value of a row; null when there is no such row. */
        String get(String key) throws IOException;

        void delete(String key) throws IOException;

        /** Drops the table if it is there. */
        void drop() throws IOException;
    }

    /** The store said no. */
    static final class Refused extends IOException {
        private static final long serialVersionUID = 1;
        final int code;

        Refused(String message) {
            this(message, 0);
        }

        Refused(String message, int code) {
            super(message);
            this.code = code;
        }
    }

    private final String prefix;
    private final String table;
    private Rows rows;
    private boolean made;

    Data(String prefix, String table) throws IOException {
        // It will be dropped.
        if (!table.startsWith("kubectl_flink_check_")) {
            throw new IOException(table + " is not a table for probes");
        }
        this.prefix = prefix;
        this.table = table;
    }

    String run(String[] words) throws IOException {
        long[] n = Arrays.stream(words).skip(1).mapToLong(Long::parseLong).toArray();
        if (words[0].equals("facts")) {
            long begun = System.nanoTime();
            rows = connect(0);
            long micros = micros(begun);
            return "{\"connectMicros\":" + micros + "," + rows.facts() + "}";
        }
        if (rows == null) {
            rows = connect(0);
        }
        switch (words[0]) {
            case "make":
                made = true;
                rows.make();
                return "{}";
            case "consistency":
                return consistency(n[0], n[1]);
            case "latency":
                return latency(n[0]);
            case "drop":
                rows.drop();
                made = false;
                return "{}";
            default:
                throw new IOException("unknown probe " + words[0]);
        }
    }

    private Rows connect(int first) throws IOException {
        String type = required("TYPE");
        switch (type) {
            case "cassandra":
                return Cassandra.connect(this, table, first);
            case "hbase":
                return new HBase(this, table);
            default:
                throw new IOException("unknown data store " + type);
        }
    }

    /** A variable of the store; null when there is none. */
    String setting(String name) {
        return System.getenv(prefix + "_" + name);
    }

    String required(String name) throws IOException {
        String value = setting(name);
        if (value == null) {
            throw new IOException("there is no variable " + prefix + "_" + name);
        }
        return value;
    }

    /** Writes by one connection, reads by another one, which asks another node first. */
    private String consistency(long most, long millis) throws IOException {
        long begun = System.nanoTime();
        long done = 0;
        long stale = 0;
        try (Rows other = connect(1)) {
            for (; done < most && micros(begun) < millis * 1000; done++) {
                String key = "row-" + done;
                rows.put(key, "first");
                stale += "first".equals(other.get(key)) ? 0 : 1;
                rows.put(key, "second");
                stale += "second".equals(other.get(key)) ? 0 : 1;
                rows.delete(key);
                stale += other.get(key) == null ? 0 : 1;
            }
        }
        return "{\"rows\":" + done + ",\"stale\":" + stale + "}";
    }

    private String latency(long millis) throws IOException {
        char[] filler = new char[VALUE];
        Arrays.fill(filler, 'x');
        String value = new String(filler);
        // The first ones prepare and compile, on both sides.
        for (int i = 0; i < 20; i++) {
            rows.put("warm", value);
            rows.get("warm");
        }
        List<Long> writes = new ArrayList<>();
        List<Long> reads = new ArrayList<>();
        long begun = System.nanoTime();
        for (int i = 0; i < SAMPLES && micros(begun) < millis * 1000; i++) {
            String key = "key-" + i;
            long at = System.nanoTime();
            rows.put(key, value);
            writes.add(micros(at));
            at = System.nanoTime();
            String found = rows.get(key);
            reads.add(micros(at));
            if (!value.equals(found)) {
                throw new Refused("a row that was written was not read");
            }
        }
        return "{\"write\":" + writes + ",\"read\":" + reads + "}";
    }

    /** The table goes, however the session ends. By a connection of its own: the other one may be in use. */
    void close() {
        if (made) {
            try (Rows last = connect(0)) {
                last.drop();
            } catch (IOException | RuntimeException e) {
                System.err.println(table + " is still there: " + e);
            }
        }
        made = false;
    }

    static long micros(long since) {
        return (System.nanoTime() - since) / 1000;
    }

    /** A JSON string. */
    static String quoted(String text) {
        StringBuilder out = new StringBuilder("\"");
        for (char c : text.toCharArray()) {
            if (c == '"' || c == '\\') {
                out.append('\\');
            }
            out.append(c < ' ' ? ' ' : c);
        }
        return out.append('"').toString();
    }

    /** A JSON object of numbers. */
    static String object(Map<String, Integer> numbers) {
        List<String> members = new ArrayList<>();
        numbers.forEach((name, number) -> members.add(quoted(name) + ":" + number));
        return "{" + String.join(",", members) + "}";
    }

    static String host(String address) {
        return address.substring(0, address.lastIndexOf(':'));
    }

    static int port(String address) {
        return Integer.parseInt(address.substring(address.lastIndexOf(':') + 1));
    }
}
