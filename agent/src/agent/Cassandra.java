package agent;

import java.io.BufferedInputStream;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.SSLSocketFactory;
import javax.net.ssl.TrustManagerFactory;

/**
 * One connection to one node, by version 4 of Cassandra's native protocol (doc/native_protocol_v4.spec in Cassandra's
 * sources), which every release since 2.2 speaks.
 */
final class Cassandra implements Data.Rows {
    private static final int VERSION = 4;
    private static final int ERROR = 0x00;
    private static final int STARTUP = 0x01;
    private static final int AUTHENTICATE = 0x03;
    private static final int QUERY = 0x07;
    private static final int PREPARE = 0x09;
    private static final int EXECUTE = 0x0A;
    private static final int AUTH_RESPONSE = 0x0F;
    private static final int AUTH_SUCCESS = 0x10;
    private static final List<String> LEVELS = Arrays.asList("ANY", "ONE", "TWO", "THREE", "QUORUM", "ALL", "LOCAL_QUORUM",
            "EACH_QUORUM", "SERIAL", "LOCAL_SERIAL", "LOCAL_ONE");
    /** An error that says that the server does not know what it was asked for. */
    private static final int SYNTAX = 0x2000;
    private static final long AGREEMENT = 10_000_000;

    private final Socket socket;
    private final DataInputStream in;
    private final String address;
    private final String keyspace;
    private final String table;
    private final int level;
    private byte[] insert;
    private byte[] select;
    private byte[] delete;

    /** The first of the contact points that takes us, beginning with the one of this number. */
    static Cassandra connect(Data data, String table, int first) throws IOException {
        String[] points = data.required("CONTACT_POINTS").split(",");
        IOException why = null;
        for (int i = 0; i < points.length; i++) {
            String address = points[(first + i) % points.length];
            try {
                return new Cassandra(data, table, address);
            } catch (Data.Refused e) {
                throw e;
            } catch (IOException e) {
                why = new IOException(address + ": " + e.getMessage(), e);
            }
        }
        throw why;
    }

    private Cassandra(Data data, String table, String address) throws IOException {
        this.address = address;
        this.table = table;
        keyspace = data.required("KEYSPACE");
        level = LEVELS.indexOf(data.required("CONSISTENCY"));
        Socket plain = new Socket();
        plain.setTcpNoDelay(true);
        plain.setSoTimeout(Data.PATIENCE);
        plain.connect(new InetSocketAddress(Data.host(address), Data.port(address)), Data.PATIENCE);
        socket = "true".equals(data.setting("TLS")) ? encrypted(data, plain, address) : plain;
        in = new DataInputStream(new BufferedInputStream(socket.getInputStream()));
        try {
            begin(data);
        } catch (IOException e) {
            socket.close();
            throw e;
        }
    }

    private static Socket encrypted(Data data, Socket plain, String address) throws IOException {
        String path = data.setting("TRUSTSTORE");
        SSLSocketFactory factory = (SSLSocketFactory) SSLSocketFactory.getDefault();
        if (path != null) {
            try (InputStream file = new FileInputStream(path)) {
                KeyStore trusted = KeyStore.getInstance("PKCS12");
                trusted.load(file, data.required("TRUSTSTORE_PASSWORD").toCharArray());
                TrustManagerFactory managers = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
                managers.init(trusted);
                SSLContext context = SSLContext.getInstance("TLS");
                context.init(null, managers.getTrustManagers(), null);
                factory = context.getSocketFactory();
            } catch (GeneralSecurityException e) {
                throw new IOException("truststore.p12: " + e.getMessage(), e);
            }
        }
        SSLSocket socket = (SSLSocket) factory.createSocket(plain, Data.host(address), Data.port(address), true);
        SSLParameters parameters = socket.getSSLParameters();
        parameters.setEndpointIdentificationAlgorithm("HTTPS");
        socket.setSSLParameters(parameters);
        socket.startHandshake();
        return socket;
    }

    private void begin(Data data) throws IOException {
        Body startup = new Body().number(1).text("CQL_VERSION").text("3.0.0");
        if (call(STARTUP, startup).kind != AUTHENTICATE) {
            return;
        }
        String user = data.setting("USERNAME");
        if (user == null) {
            throw new Data.Refused("it asks who we are, and the data store has no Secret with username and password");
        }
        byte[] token = ("\0" + user + "\0" + data.required("PASSWORD")).getBytes(StandardCharsets.UTF_8);
        if (call(AUTH_RESPONSE, new Body().bytes(token)).kind != AUTH_SUCCESS) {
            throw new Data.Refused("it asks for more than a name and a password");
        }
    }

    @Override
    public String facts() throws IOException {
        List<byte[][]> local = query("SELECT release_version, data_center FROM system.local");
        Map<String, Integer> datacenters = new TreeMap<>();
        datacenters.merge(text(local.get(0)[1]), 1, Integer::sum);
        for (byte[][] peer : query("SELECT data_center FROM system.peers")) {
            if (peer[0] != null) {
                datacenters.merge(text(peer[0]), 1, Integer::sum);
            }
        }
        Map<String, Integer> replication = replication();
        return "\"product\":" + Data.quoted("Cassandra " + text(local.get(0)[0])) + ",\"server\":" + Data.quoted(address)
                + ",\"datacenters\":" + Data.object(datacenters) + ",\"replication\":" + Data.object(replication);
    }

    private Map<String, Integer> replication() throws IOException {
        List<byte[][]> found = query("SELECT replication FROM system_schema.keyspaces WHERE keyspace_name = ?", keyspace);
        if (found.isEmpty()) {
            throw new Data.Refused("there is no keyspace " + keyspace);
        }
        Map<String, String> options = new TreeMap<>();
        ByteBuffer map = ByteBuffer.wrap(found.get(0)[0]);
        for (int left = map.getInt(); left > 0; left--) {
            options.put(text(next(map)), text(next(map)));
        }
        Map<String, Integer> replicas = new TreeMap<>();
        boolean simple = options.remove("class").endsWith("SimpleStrategy");
        options.forEach((name, value) -> {
            // `3/1` is three replicas, one of them transient.
            String number = value.split("/")[0];
            if (number.matches("[0-9]+")) {
                replicas.put(simple && name.equals("replication_factor") ? "*" : name, Integer.valueOf(number));
            }
        });
        return replicas;
    }

    private static byte[] next(ByteBuffer from) {
        byte[] bytes = new byte[from.getInt()];
        from.get(bytes);
        return bytes;
    }

    @Override
    public void make() throws IOException {
        String create = "CREATE TABLE IF NOT EXISTS " + name() + " (k text PRIMARY KEY, v text)";
        try {
            // Else each node would keep a copy of what is dropped.
            query(create + " WITH allow_auto_snapshot = false");
        } catch (Data.Refused e) {
            // Unknown before 4.1.
            if (e.code < SYNTAX || e.code == 0x2100) {
                throw e;
            }
            query(create);
        }
        long begun = System.nanoTime();
        while (!agreed() && Data.micros(begun) < AGREEMENT) {
            pause(100);
        }
    }

    /** Whether all nodes know the table. */
    private boolean agreed() throws IOException {
        byte[] version = query("SELECT schema_version FROM system.local").get(0)[0];
        for (byte[][] peer : query("SELECT schema_version FROM system.peers")) {
            if (!Arrays.equals(peer[0], version)) {
                return false;
            }
        }
        return true;
    }

    static void pause(long millis) throws IOException {
        try {
            Thread.sleep(millis);
        } catch (InterruptedException e) {
            throw new IOException(e);
        }
    }

    private String name() {
        return '"' + keyspace + "\".\"" + table + '"';
    }

    @Override
    public void put(String key, String value) throws IOException {
        if (insert == null) {
            insert = prepare("INSERT INTO " + name() + " (k, v) VALUES (?, ?)");
        }
        execute(insert, key, value);
    }

    @Override
    public String get(String key) throws IOException {
        if (select == null) {
            select = prepare("SELECT v FROM " + name() + " WHERE k = ?");
        }
        List<byte[][]> rows = execute(select, key);
        return rows.isEmpty() ? null : text(rows.get(0)[0]);
    }

    @Override
    public void delete(String key) throws IOException {
        if (delete == null) {
            delete = prepare("DELETE FROM " + name() + " WHERE k = ?");
        }
        execute(delete, key);
    }

    @Override
    public void drop() throws IOException {
        query("DROP TABLE IF EXISTS " + name());
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }

    private byte[] prepare(String cql) throws IOException {
        DataInputStream result = call(PREPARE, new Body().longText(cql)).body;
        result.readInt();
        byte[] id = new byte[result.readUnsignedShort()];
        result.readFully(id);
        return id;
    }

    private List<byte[][]> execute(byte[] prepared, String... values) throws IOException {
        Body body = new Body().number(prepared.length).raw(prepared);
        return rows(call(EXECUTE, body.parameters(level, values)).body);
    }

    /** At one replica: what it is used for is every node's own. */
    private List<byte[][]> query(String cql, String... values) throws IOException {
        return rows(call(QUERY, new Body().longText(cql).parameters(1, values)).body);
    }

    private static List<byte[][]> rows(DataInputStream result) throws IOException {
        List<byte[][]> rows = new ArrayList<>();
        if (result.readInt() != 2) {
            return rows;
        }
        int flags = result.readInt();
        int columns = result.readInt();
        if ((flags & 2) != 0) {
            bytes(result);
        }
        boolean global = (flags & 1) != 0;
        if (global) {
            result.readUTF();
            result.readUTF();
        }
        for (int i = 0; (flags & 4) == 0 && i < columns; i++) {
            if (!global) {
                result.readUTF();
                result.readUTF();
            }
            result.readUTF();
            type(result);
        }
        for (int left = result.readInt(); left > 0; left--) {
            byte[][] row = new byte[columns][];
            for (int i = 0; i < columns; i++) {
                row[i] = bytes(result);
            }
            rows.add(row);
        }
        return rows;
    }

    /** Passes over the type of a column: those that are asked for here are plain, or collections of plain ones. */
    private static void type(DataInputStream from) throws IOException {
        int type = from.readUnsignedShort();
        if (type == 0) {
            from.readUTF();
        } else if (type == 0x20 || type == 0x22) {
            type(from);
        } else if (type == 0x21) {
            type(from);
            type(from);
        }
    }

    private static byte[] bytes(DataInputStream from) throws IOException {
        int length = from.readInt();
        if (length < 0) {
            return null;
        }
        byte[] bytes = new byte[length];
        from.readFully(bytes);
        return bytes;
    }

    private static String text(byte[] bytes) {
        return bytes == null ? "" : new String(bytes, StandardCharsets.UTF_8);
    }

    private static final class Answer {
        final int kind;
        final DataInputStream body;

        Answer(int kind, DataInputStream body) {
            this.kind = kind;
            this.body = body;
        }
    }

    private Answer call(int kind, Body body) throws IOException {
        byte[] content = body.out.toByteArray();
        ByteBuffer frame = ByteBuffer.allocate(9 + content.length);
        frame.put((byte) VERSION).put((byte) 0).putShort((short) 0).put((byte) kind).putInt(content.length).put(content);
        socket.getOutputStream().write(frame.array());
        int version = in.readUnsignedByte();
        int flags = in.readUnsignedByte();
        in.readShort();
        int answer = in.readUnsignedByte();
        int length = in.readInt();
        if (version != (VERSION | 0x80) || length < 0 || length > 256 << 20) {
            throw new Data.Refused("it does not speak version 4 of Cassandra's protocol");
        }
        byte[] bytes = new byte[length];
        in.readFully(bytes);
        DataInputStream result = new DataInputStream(new ByteArrayInputStream(bytes));
        if ((flags & 2) != 0) {
            result.skipBytes(16);
        }
        for (int warnings = (flags & 8) == 0 ? 0 : result.readUnsignedShort(); warnings > 0; warnings--) {
            result.readUTF();
        }
        if (answer == ERROR) {
            int code = result.readInt();
            throw new Data.Refused(result.readUTF(), code);
        }
        return new Answer(answer, result);
    }

    /** The body of a request. Texts have a length of two bytes, as in Java's own format. */
    private static final class Body {
        final ByteArrayOutputStream out = new ByteArrayOutputStream();
        private final DataOutputStream data = new DataOutputStream(out);

        Body number(int value) throws IOException {
            data.writeShort(value);
            return this;
        }

        Body text(String text) throws IOException {
            data.writeUTF(text);
            return this;
        }

        Body raw(byte[] bytes) throws IOException {
            data.write(bytes);
            return this;
        }

        Body bytes(byte[] bytes) throws IOException {
            data.writeInt(bytes.length);
            return raw(bytes);
        }

        Body longText(String text) throws IOException {
            return bytes(text.getBytes(StandardCharsets.UTF_8));
        }

        Body parameters(int level, String... values) throws IOException {
            number(level);
            data.writeByte(values.length == 0 ? 0 : 1);
            if (values.length > 0) {
                number(values.length);
            }
            for (String value : values) {
                longText(value);
            }
            return this;
        }
    }
}
