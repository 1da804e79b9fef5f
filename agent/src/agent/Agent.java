package agent;

import java.io.File;
import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.StandardCopyOption;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.GlobalConfiguration;
import org.apache.flink.configuration.IllegalConfigurationException;
import org.apache.flink.core.fs.FileStatus;
import org.apache.flink.core.fs.FileSystem;
import org.apache.flink.core.fs.Path;
import org.apache.flink.core.plugin.PluginUtils;

/**
 * The storage agent: Flink's own file systems, with the job's configuration, plugins and credentials, at the service of
 * {@code kubectl flink} over stdin and stdout ({@code serve}), or of an init container ({@code fetch}).
 */
public final class Agent {
    private static final int VERSION = 1;
    /** Without a word of the client for so long, it ends, and with it the pod that was made for it. */
    private static final long PATIENCE_SECONDS = 60;
    private static final long BEAT_SECONDS = 5;
    /** The most that a file written in one piece may hold. */
    private static final int WRITE_LIMIT = 16 << 20;

    private final Wire wire;
    private final Set<String> probed = new HashSet<>();
    private final Map<String, Data> data = new ConcurrentHashMap<>();
    private volatile boolean busy;

    private Agent(Wire wire) {
        this.wire = wire;
    }

    /** {@code serve [DIR]}, where DIR holds this jar and goes at once; or {@code fetch URI FILE}…. */
    public static void main(String[] args) throws Exception {
        FileOutputStream stdout = new FileOutputStream(FileDescriptor.out);
        // Libraries that print must not print into the frames.
        System.setOut(System.err);
        if (args.length > 0 && args[0].equals("serve")) {
            Agent agent = new Agent(new Wire(new FileInputStream(FileDescriptor.in), stdout));
            if (args.length > 1) {
                new File(args[1], "agent.jar").delete();
                new File(args[1]).delete();
            }
            configure();
            try {
                agent.serve();
            } catch (IOException e) {
                System.err.println(e);
                System.exit(75);
            }
            // Thread pools of file systems do not keep it alive.
            System.exit(0);
        }
        if (args.length < 3 || !args[0].equals("fetch") || args.length % 2 == 0) {
            System.err.println("usage: agent.Agent serve [DIR] | fetch URI FILE [URI FILE]...");
            System.exit(64);
        }
        try {
            configure();
            for (int i = 1; i < args.length; i += 2) {
                fetch(args[i], new File(args[i + 1]));
            }
        } catch (IOException | RuntimeException e) {
            Throwable root = root(e);
            System.err.println(e + (root == e ? "" : "; root cause: " + root));
            System.exit(1);
        }
        System.exit(0);
    }

    /** As Flink's own processes do. */
    private static void configure() throws IOException {
        Configuration configuration = new Configuration();
        String folder = System.getenv("FLINK_CONF_DIR");
        try {
            if (folder != null) {
                configuration = GlobalConfiguration.loadConfiguration(folder);
            }
        } catch (IllegalConfigurationException e) {
            System.err.println("no configuration: " + e.getMessage());
        }
        FileSystem.initialize(configuration, PluginUtils.createPluginManagerFromRootFolder(configuration));
    }

    /** A file of the store, or of the web, on this machine, whole or not at all. */
    private static void fetch(String uri, File target) throws IOException {
        File folder = target.getAbsoluteFile().getParentFile();
        Files.createDirectories(folder.toPath());
        File part = new File(folder, target.getName() + ".part");
        long bytes;
        boolean web = uri.startsWith("https://") || uri.startsWith("http://");
        try (InputStream in = web ? new URL(uri).openStream() : Store.of(uri).open(new Path(uri));
                FileOutputStream out = new FileOutputStream(part)) {
            bytes = Store.pipe(in, out, Long.MAX_VALUE);
        }
        Files.move(part.toPath(), target.toPath(), StandardCopyOption.ATOMIC_MOVE);
        System.err.println(uri + " -> " + target + " (" + bytes + " bytes)");
    }

    private void serve() throws IOException {
        daemon(this::watch);
        daemon(this::beat);
        wire.send(Wire.HELLO, new Wire.Body().number(VERSION).text(System.getProperty("java.version")).big(System.currentTimeMillis()));
        try {
            for (Wire.Frame request = wire.receive(); request != null && request.kind != 'q'; request = wire.receive()) {
                busy = true;
                answer(request);
                busy = false;
            }
        } finally {
            cleanUp();
        }
    }

    private void answer(Wire.Frame request) throws IOException {
        Wire.Content content = request.kind == 'w' || request.kind == 'u' ? wire.new Content() : null;
        Wire.Body result = null;
        try {
            result = perform(request, content);
        } catch (IOException | RuntimeException | LinkageError e) {
            Throwable root = root(e);
            wire.send(Wire.FAILED, new Wire.Body().text(e.getClass().getName()).text(String.valueOf(e.getMessage()))
                    .text(root.getClass().getName()).text(String.valueOf(root.getMessage())));
        }
        if (content != null) {
            content.drain();
        }
        if (result != null) {
            wire.send(Wire.DONE, result);
        }
    }

    private Wire.Body perform(Wire.Frame request, Wire.Content content) throws IOException {
        Wire.Body result = new Wire.Body();
        String uri = request.text();
        switch (request.kind) {
            case 'l':
                int depth = request.number();
                Store.list(wire, uri, depth, new HashSet<>(Arrays.asList(request.texts())));
                return result;
            case 's':
                FileStatus status = Store.stat(uri);
                if (status != null) {
                    Store.entry(result, uri, status);
                }
                return result;
            case 'r':
                Store.read(wire, uri, request.big(), request.big());
                return result;
            case 'w':
                Store.write(uri, whole(content, request.big()));
                return result;
            case 'b':
                return result.big(new Upload(uri, request.big(), request.text()).begin());
            case 'u':
                Upload upload = new Upload(uri, request.big(), request.text());
                upload.finish(request.big(), content);
                return result;
            case 'k':
                boolean recursive = request.number() == 1;
                int deleted = Store.delete(uri, recursive) ? 1 : 0;
                for (String other : request.texts()) {
                    deleted += Store.delete(other, recursive) ? 1 : 0;
                }
                return result.number(deleted);
            case 'c':
                Store.copy(uri, request.text());
                return result;
            case 'f':
                long[] space = Store.space(uri);
                return result.big(space[0]).big(space[1]).text(Store.fileSystem(uri));
            case 'd':
                return result.text(data(uri, request.text()).run(request.text().split(" ")));
            case 'p':
                Probe probe = new Probe(uri);
                probed.add(uri);
                return result.text(probe.run(request.text().split(" ")));
            default:
                throw new IOException("unknown request " + request.kind);
        }
    }

    private Data data(String prefix, String table) throws IOException {
        Data known = data.get(prefix + table);
        if (known == null) {
            known = new Data(prefix, table);
            data.put(prefix + table, known);
        }
        return known;
    }

    private static byte[] whole(InputStream content, long size) throws IOException {
        if (size > WRITE_LIMIT) {
            throw new IOException("a file of " + size + " bytes is to be uploaded, not written");
        }
        byte[] bytes = content.readNBytes((int) size);
        if (bytes.length < size) {
            throw new java.io.EOFException("the connection was cut");
        }
        return bytes;
    }

    /** The files and tables of probes go, however the session ends. */
    private void cleanUp() {
        data.values().forEach(Data::close);
        data.clear();
        for (String folder : probed) {
            Store.quietlyDelete(folder, true);
        }
        probed.clear();
    }

    private void watch() throws IOException {
        if (wire.silence() > PATIENCE_SECONDS) {
            cleanUp();
            Runtime.getRuntime().halt(75);
        }
    }

    private void beat() throws IOException {
        if (busy) {
            wire.beat(BEAT_SECONDS);
        }
    }

    private interface Tick {
        void tick() throws IOException;
    }

    private static void daemon(Tick tick) {
        Thread thread = new Thread(() -> {
            try {
                while (true) {
                    Thread.sleep(1000);
                    tick.tick();
                }
            } catch (IOException | InterruptedException e) {
                // Nobody listens any more; whoever reads next finds out.
            }
        });
        thread.setDaemon(true);
        thread.start();
    }

    private static Throwable root(Throwable e) {
        Throwable root = e;
        for (int depth = 0; root.getCause() != null && depth < 32; depth++) {
            root = root.getCause();
        }
        return root;
    }
}
