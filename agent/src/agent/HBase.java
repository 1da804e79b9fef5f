package agent;

import java.io.BufferedInputStream;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;

/**
 * HBase as its clients speak to it: where master and hbase:meta are is in ZooKeeper, where a table's region is in
 * hbase:meta, and requests are protocol buffers (hbase-protocol-shaded/src/main/protobuf in HBase's sources). The same in
 * every 2.x, which promises that older clients are understood.
 */
final class HBase implements Data.Rows {
    private static final byte[] FAMILY = bytes("f");
    private static final byte[] QUALIFIER = bytes("v");
    private static final int PUT = 2;
    private static final int DELETE = 3;
    private static final int ALL_VERSIONS = 1;
    private static final int FINISHED = 2;
    /** How long making or dropping a table may take, in microseconds. */
    private static final long PROCEDURE = 60_000_000;

    private final String[] quorum;
    private final String parent;
    private final String namespace;
    private final String table;
    private final Map<String, Server> servers = new HashMap<>();
    private final Map<String, String> addresses = new HashMap<>();
    private byte[] region;
    private Server owner;

    HBase(Data data, String table) throws IOException {
        quorum = data.required("ZOOKEEPER_QUORUM").split(",");
        parent = data.required("ZNODE_PARENT");
        namespace = data.required("NAMESPACE");
        this.table = table;
        meta();
    }

    @Override
    public String facts() throws IOException {
        Server master = master();
        return "\"product\":\"HBase\",\"server\":" + Data.quoted(master.address);
    }

    @Override
    public void make() throws IOException {
        Proto schema = new Proto().message(1, name()).message(3, new Proto().bytes(1, FAMILY));
        try {
            finish(master().call("CreateTable", new Proto().message(1, schema)));
        } catch (Data.Refused e) {
            // The answer to a first request was lost.
            if (!e.getMessage().contains("TableExistsException")) {
                throw e;
            }
        }
    }

    private Proto name() {
        return new Proto().text(1, namespace).text(2, table);
    }

    /** Waits for a procedure of the master. */
    private void finish(Proto.Read started) throws IOException {
        long begun = System.nanoTime();
        while (Data.micros(begun) < PROCEDURE) {
            Proto.Read result = master().call("getProcedureResult", new Proto().number(1, started.number(1)));
            if (result.has(6)) {
                Proto.Read exception = result.message(6).message(2);
                throw new Data.Refused(exception.text(1) + ": " + exception.text(2));
            }
            if (result.number(1) == FINISHED) {
                return;
            }
            Cassandra.pause(50);
        }
        throw new IOException("the master has not finished within a minute");
    }

    @Override
    public void put(String key, String value) throws IOException {
        Proto cell = new Proto().bytes(1, QUALIFIER).text(2, value);
        Proto column = new Proto().bytes(1, FAMILY).message(2, cell);
        ask("Mutate", new Proto().text(1, key).number(2, PUT).message(3, column));
    }

    @Override
    public void delete(String key) throws IOException {
        Proto cell = new Proto().bytes(1, QUALIFIER).number(4, ALL_VERSIONS);
        Proto column = new Proto().bytes(1, FAMILY).message(2, cell);
        ask("Mutate", new Proto().text(1, key).number(2, DELETE).message(3, column));
    }

    @Override
    public String get(String key) throws IOException {
        Proto.Read result = ask("Get", new Proto().text(1, key)).message(1);
        return result.has(1) ? result.messages(1).get(0).text(6) : null;
    }

    /** A request about a row: the region's server, and where it moved to when it is not there any more. */
    private Proto.Read ask(String method, Proto what) throws IOException {
        long begun = System.nanoTime();
        while (true) {
            try {
                locate();
                return owner.call(method, new Proto().message(1, named(region)).message(2, what));
            } catch (Data.Refused e) {
                boolean moved = e.getMessage().contains("NotServingRegion") || e.getMessage().contains("RegionOpening");
                if (!moved || Data.micros(begun) > PROCEDURE) {
                    throw e;
                }
                region = null;
                Cassandra.pause(50);
            }
        }
    }

    private static Proto named(byte[] region) {
        return new Proto().number(1, 1).bytes(2, region);
    }

    /** Finds the table's only region in hbase:meta, whose rows begin with the table's name. */
    private void locate() throws IOException {
        String prefix = (namespace.equals("default") ? "" : namespace + ":") + table + ",";
        long begun = System.nanoTime();
        while (region == null) {
            // Two commas: else it is not compared as the name of a region.
            Proto scan = new Proto().message(1, new Proto().text(1, "info")).text(3, prefix + ",");
            Proto request = new Proto().message(1, named(bytes("hbase:meta,,1"))).message(2, scan).number(4, 1).number(5, 1);
            Proto.Read answer = meta().call("Scan", request);
            for (Proto.Read row : answer.messages(5)) {
                for (Proto.Read cell : row.messages(1)) {
                    boolean ours = cell.text(1).startsWith(prefix);
                    if (ours && cell.text(3).equals("server") && !cell.text(6).isEmpty()) {
                        region = cell.bytes(1);
                        owner = server(cell.text(6), "ClientService");
                    }
                }
            }
            if (region == null && Data.micros(begun) > PROCEDURE) {
                throw new IOException("no server has opened the table within a minute");
            }
            if (region == null) {
                Cassandra.pause(50);
            }
        }
    }

    @Override
    public void drop() throws IOException {
        Proto request = new Proto().message(1, name());
        try {
            finish(master().call("DisableTable", request));
        } catch (Data.Refused e) {
            if (e.getMessage().contains("TableNotFoundException")) {
                return;
            }
            if (!e.getMessage().contains("TableNotEnabledException")) {
                throw e;
            }
        }
        finish(master().call("DeleteTable", request));
    }

    @Override
    public void close() throws IOException {
        for (Server server : servers.values()) {
            server.socket.close();
        }
    }

    private Server master() throws IOException {
        return server(address(parent + "/master"), "MasterService");
    }

    private Server meta() throws IOException {
        return server(address(parent + "/meta-region-server"), "ClientService");
    }

    private Server server(String address, String service) throws IOException {
        Server known = servers.get(service + address);
        if (known == null) {
            known = new Server(address, service);
            servers.put(service + address, known);
        }
        return known;
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    /** The address that a node of ZooKeeper holds: a magic number, an id and the letters PBUF stand before the message. */
    private String address(String path) throws IOException {
        String known = addresses.get(path);
        if (known != null) {
            return known;
        }
        byte[] data = zookeeper(path);
        DataInputStream in = new DataInputStream(new ByteArrayInputStream(data));
        if (data.length < 9 || in.readByte() != (byte) 0xFF) {
            throw new Data.Refused("ZooKeeper has no address of HBase at " + path);
        }
        in.skipBytes(in.readInt() + 4);
        Proto.Read server = Proto.Read.of(in.readAllBytes()).message(1);
        String address = server.text(1) + ":" + server.number(2);
        addresses.put(path, address);
        return address;
    }

    /** The content of one node, from the first of the quorum that answers. */
    private byte[] zookeeper(String path) throws IOException {
        IOException why = null;
        for (String host : quorum) {
            try (Socket socket = open(host)) {
                DataInputStream in = new DataInputStream(new BufferedInputStream(socket.getInputStream()));
                ByteArrayOutputStream body = new ByteArrayOutputStream();
                DataOutputStream out = new DataOutputStream(body);
                // Version, last transaction seen, time-out, no session yet, and its password of 16 bytes.
                out.writeInt(0);
                out.writeLong(0);
                out.writeInt(Data.PATIENCE);
                out.writeLong(0);
                out.writeInt(16);
                out.write(new byte[16]);
                exchange(socket, in, body);
                byte[] name = bytes(path);
                // The first request of the session, which gets a node's data (4), without a watch.
                out.writeInt(1);
                out.writeInt(4);
                out.writeInt(name.length);
                out.write(name);
                out.writeByte(0);
                DataInputStream answer = exchange(socket, in, body);
                answer.skipBytes(12);
                int error = answer.readInt();
                if (error != 0) {
                    String what = error == -101 ? "there is no " + path + " in ZooKeeper: HBase does not run, or has another --znode-parent"
                            : error == -102 ? "ZooKeeper lets nobody read " + path : "ZooKeeper answers with error " + error;
                    throw new Data.Refused(what);
                }
                byte[] data = new byte[answer.readInt()];
                answer.readFully(data);
                // The session ends.
                out.writeInt(2);
                out.writeInt(-11);
                send(socket, body);
                return data;
            } catch (Data.Refused e) {
                throw e;
            } catch (IOException e) {
                why = new IOException(host + ": " + e.getMessage(), e);
            }
        }
        throw why;
    }

    private static DataInputStream exchange(Socket socket, DataInputStream in, ByteArrayOutputStream body) throws IOException {
        send(socket, body);
        return new DataInputStream(new ByteArrayInputStream(Proto.Read.whole(in, in.readInt())));
    }

    private static void send(Socket socket, ByteArrayOutputStream body) throws IOException {
        ByteArrayOutputStream frame = new ByteArrayOutputStream();
        new DataOutputStream(frame).writeInt(body.size());
        body.writeTo(frame);
        body.reset();
        socket.getOutputStream().write(frame.toByteArray());
    }

    private static Socket open(String address) throws IOException {
        Socket socket = new Socket();
        socket.setTcpNoDelay(true);
        socket.setSoTimeout(Data.PATIENCE);
        socket.connect(new InetSocketAddress(Data.host(address), Data.port(address)), Data.PATIENCE);
        return socket;
    }

    /** A connection to one service of one server, without Kerberos. */
    private static final class Server {
        final String address;
        final Socket socket;
        private final DataInputStream in;
        private int calls;

        Server(String address, String service) throws IOException {
            this.address = address;
            try {
                socket = open(address);
            } catch (IOException e) {
                throw new IOException(address + ", which HBase gives out: " + e.getMessage(), e);
            }
            in = new DataInputStream(new BufferedInputStream(socket.getInputStream()));
            String user = System.getenv("HADOOP_USER_NAME");
            Proto who = new Proto().text(1, user == null ? System.getProperty("user.name", "flink") : user);
            byte[] header = new Proto().message(1, who).text(2, service).toBytes();
            ByteArrayOutputStream hello = new ByteArrayOutputStream();
            // Version 0, and who we are is said, not proven.
            hello.write(new byte[] {'H', 'B', 'a', 's', 0, 80});
            new DataOutputStream(hello).writeInt(header.length);
            hello.write(header);
            socket.getOutputStream().write(hello.toByteArray());
        }

        Proto.Read call(String method, Proto request) throws IOException {
            Proto header = new Proto().number(1, ++calls).text(3, method).number(4, 1);
            ByteArrayOutputStream body = new ByteArrayOutputStream();
            body.write(header.delimited());
            body.write(request.delimited());
            send(socket, body);
            ByteArrayInputStream answer = new ByteArrayInputStream(Proto.Read.whole(in, in.readInt()));
            Proto.Read about = Proto.Read.of(Proto.Read.whole(answer, Proto.Read.varint(answer)));
            if (about.has(2)) {
                Proto.Read exception = about.message(2);
                String trace = exception.text(2);
                throw new Data.Refused(trace.isEmpty() ? exception.text(1) : trace.split("\n")[0]);
            }
            return answer.available() == 0 ? Proto.Read.of(new byte[0])
                    : Proto.Read.of(Proto.Read.whole(answer, Proto.Read.varint(answer)));
        }
    }
}
