package agent;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Locale;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.apache.flink.core.fs.FSDataOutputStream;
import org.apache.flink.core.fs.FileStatus;
import org.apache.flink.core.fs.FileSystem;
import org.apache.flink.core.fs.Path;
import org.apache.flink.core.fs.RecoverableFsDataOutputStream;
import org.apache.flink.core.fs.RecoverableWriter;

/** Measures a store, in a folder of its own, for a bounded time. Results are JSON; times are microseconds. */
final class Probe {
    /** How long a store that showed something old may take to show the new. */
    private static final long CONVERGES_WITHIN = 5_000_000_000L;

    private final String folder;

    Probe(String folder) throws IOException {
        // What is in it will be deleted.
        if (!new Path(folder).getName().startsWith("kubectl-flink-check-")) {
            throw new IOException(folder + " is not a folder for probes");
        }
        this.folder = folder;
    }

    String run(String[] words) throws IOException {
        long[] n = Arrays.stream(words).skip(1).mapToLong(Long::parseLong).toArray();
        if (!Store.isObjectStore(folder)) {
            Store.of(folder).mkdirs(new Path(folder));
        }
        switch (words[0]) {
            case "latency":
                return latency(n[0], (int) n[1], n[2]);
            case "write":
                return throughput(true, (int) n[0], n[1], n[2], n[3]);
            case "read":
                return throughput(false, (int) n[0], n[1], n[2], n[3]);
            case "files":
                return files((int) n[0], (int) n[1], n[2]);
            case "consistency":
                return consistency(n[0], n[1]);
            case "commit":
                return commit();
            case "clock":
                return clock();
            default:
                throw new IOException("unknown probe " + words[0]);
        }
    }

    private String file(String name) {
        return folder + "/" + name;
    }

    private static long micros(long since) {
        return (System.nanoTime() - since) / 1000;
    }

    /** Bytes that do not compress. */
    private static byte[] noise(int size, long seed) {
        byte[] bytes = new byte[size];
        new Random(seed).nextBytes(bytes);
        return bytes;
    }

    private void put(String uri, byte[] content) throws IOException {
        try (FSDataOutputStream out = Store.create(uri)) {
            out.write(content);
            if (!Store.isObjectStore(uri)) {
                out.sync();
            }
        }
    }

    private static byte[] get(String uri) throws IOException {
        try (InputStream in = Store.of(uri).open(new Path(uri))) {
            return in.readAllBytes();
        }
    }

    private boolean listed(String name, long size) throws IOException {
        for (FileStatus status : Store.children(folder)) {
            if (status.getPath().getName().equals(name)) {
                return size < 0 || status.getLen() == size;
            }
        }
        return false;
    }

    private String latency(long samples, int size, long millis) throws IOException {
        List<List<Long>> times = List.of(new ArrayList<>(), new ArrayList<>(), new ArrayList<>(), new ArrayList<>());
        byte[] content = noise(size, 1);
        long begun = System.nanoTime();
        for (long i = 0; i < samples && micros(begun) < millis * 1000; i++) {
            String uri = file("latency-" + i);
            long at = System.nanoTime();
            put(uri, content);
            times.get(0).add(micros(at));
            at = System.nanoTime();
            get(uri);
            times.get(1).add(micros(at));
            at = System.nanoTime();
            Store.children(folder);
            times.get(2).add(micros(at));
            at = System.nanoTime();
            Store.delete(uri, false);
            times.get(3).add(micros(at));
        }
        return String.format("{\"write\":%s,\"read\":%s,\"list\":%s,\"delete\":%s}", times.toArray());
    }

    /** Streams that each write files, or read those that were written, until the time or the bytes are used up. */
    private String throughput(boolean write, int streams, long size, long millis, long budget) throws IOException {
        byte[] chunk = noise(1 << 18, 2);
        AtomicLong left = new AtomicLong(budget);
        AtomicLong bytes = new AtomicLong();
        AtomicInteger files = new AtomicInteger();
        long begun = System.nanoTime();
        inParallel(streams, stream -> {
            for (int i = 0; micros(begun) < millis * 1000 && left.addAndGet(-size) >= 0; i++) {
                String uri = file("stream-" + stream + "-" + (write ? i : i % 2));
                long done = write ? fill(uri, chunk, size, begun, millis) : drink(uri, chunk.length, begun, millis);
                bytes.addAndGet(done);
                files.incrementAndGet();
            }
        });
        return String.format(Locale.ROOT, "{\"bytes\":%d,\"micros\":%d,\"files\":%d}", bytes.get(), micros(begun), files.get());
    }

    private long fill(String uri, byte[] chunk, long size, long begun, long millis) throws IOException {
        long done = 0;
        try (FSDataOutputStream out = Store.create(uri)) {
            while (done < size && micros(begun) < millis * 1000) {
                int some = (int) Math.min(chunk.length, size - done);
                out.write(chunk, 0, some);
                done += some;
            }
            if (!Store.isObjectStore(uri)) {
                out.sync();
            }
        }
        return done;
    }

    private static long drink(String uri, int size, long begun, long millis) throws IOException {
        if (Store.stat(uri) == null) {
            return 0;
        }
        byte[] chunk = new byte[size];
        long done = 0;
        try (InputStream in = Store.of(uri).open(new Path(uri))) {
            for (int some = in.read(chunk); some >= 0; some = in.read(chunk)) {
                done += some;
                if (micros(begun) > millis * 1000) {
                    break;
                }
            }
        }
        return done;
    }

    /** Many small files: how long they take to make, to list and to delete together. */
    private String files(int count, int threads, long millis) throws IOException {
        String many = file("many");
        byte[] content = noise(16, 3);
        AtomicInteger next = new AtomicInteger();
        AtomicInteger made = new AtomicInteger();
        long begun = System.nanoTime();
        inParallel(threads, thread -> {
            for (int i = next.getAndIncrement(); i < count && micros(begun) < millis * 1000; i = next.getAndIncrement()) {
                try (FSDataOutputStream out = Store.create(many + "/" + i)) {
                    out.write(content);
                }
                made.incrementAndGet();
            }
        });
        long create = micros(begun);
        long at = System.nanoTime();
        int listed = Store.children(many).length;
        long list = micros(at);
        at = System.nanoTime();
        Store.delete(many, true);
        return String.format(Locale.ROOT,
                "{\"made\":%d,\"createMicros\":%d,\"listed\":%d,\"listMicros\":%d,\"deleteMicros\":%d}",
                made.get(), create, listed, list, micros(at));
    }

    private interface Check {
        boolean holds() throws IOException;
    }

    /** What was not true at once: how often, and how long it took to become true (negative: never while waited for). */
    private static final class Tally {
        private int late;
        private int never;
        private long longest;

        void check(Check check) throws IOException {
            long at = System.nanoTime();
            if (check.holds()) {
                return;
            }
            late++;
            while (System.nanoTime() - at < CONVERGES_WITHIN) {
                if (check.holds()) {
                    longest = Math.max(longest, micros(at));
                    return;
                }
                try {
                    Thread.sleep(20);
                } catch (InterruptedException e) {
                    throw new IOException(e);
                }
            }
            never++;
        }

        @Override
        public String toString() {
            return String.format(Locale.ROOT, "{\"late\":%d,\"never\":%d,\"longestMicros\":%d}", late, never, longest);
        }
    }

    private static boolean reads(String uri, byte[] content) throws IOException {
        try {
            return Arrays.equals(get(uri), content);
        } catch (java.io.FileNotFoundException | java.nio.file.NoSuchFileException e) {
            return false;
        }
    }

    private String consistency(long rounds, long millis) throws IOException {
        Tally read = new Tally();
        Tally list = new Tally();
        Tally overwrite = new Tally();
        Tally delete = new Tally();
        Tally unlist = new Tally();
        long begun = System.nanoTime();
        long round = 0;
        for (; round < rounds && micros(begun) < millis * 1000; round++) {
            String name = "seen-" + round;
            String uri = file(name);
            byte[] first = ("first " + round).getBytes(StandardCharsets.UTF_8);
            byte[] second = ("second, longer " + round).getBytes(StandardCharsets.UTF_8);
            put(uri, first);
            read.check(() -> reads(uri, first));
            list.check(() -> listed(name, first.length));
            put(uri, second);
            overwrite.check(() -> reads(uri, second) && listed(name, second.length));
            Store.delete(uri, false);
            delete.check(() -> Store.stat(uri) == null);
            unlist.check(() -> !listed(name, -1));
        }
        return String.format(Locale.ROOT,
                "{\"rounds\":%d,\"read\":%s,\"list\":%s,\"overwrite\":%s,\"delete\":%s,\"unlist\":%s}",
                round, read, list, overwrite, delete, unlist);
    }

    /** What Flink's file sinks stand on: nothing is seen before the commit, all of it after, also after a recovery. */
    private String commit() throws IOException {
        FileSystem fs = Store.of(folder);
        RecoverableWriter writer;
        try {
            writer = fs.createRecoverableWriter();
        } catch (UnsupportedOperationException | IOException e) {
            return "{\"supported\":false}";
        }
        Path path = new Path(file("committed"));
        RecoverableFsDataOutputStream out = writer.open(path);
        out.write("one ".getBytes(StandardCharsets.UTF_8));
        boolean resumes = writer.supportsResume();
        if (resumes) {
            RecoverableWriter.ResumeRecoverable point = out.persist();
            out.write("lost".getBytes(StandardCharsets.UTF_8));
            out.close();
            out = writer.recover(point);
        }
        out.write("two".getBytes(StandardCharsets.UTF_8));
        RecoverableFsDataOutputStream.Committer committer = out.closeForCommit();
        boolean before = Store.stat(path.toString()) != null;
        committer.commit();
        boolean right = reads(path.toString(), "one two".getBytes(StandardCharsets.UTF_8));
        return String.format("{\"supported\":true,\"resumes\":%b,\"seenBefore\":%b,\"right\":%b}", resumes, before, right);
    }

    /** The store's clock against this machine's, in milliseconds. */
    private String clock() throws IOException {
        String uri = file("clock");
        long before = System.currentTimeMillis();
        put(uri, new byte[] {1});
        long after = System.currentTimeMillis();
        FileStatus status = Store.stat(uri);
        long modified = status == null ? 0 : status.getModificationTime();
        return String.format(Locale.ROOT, "{\"before\":%d,\"modified\":%d,\"after\":%d}", before, modified, after);
    }

    private interface Work {
        void run(int index) throws IOException;
    }

    private static void inParallel(int threads, Work work) throws IOException {
        ExecutorService pool = Executors.newFixedThreadPool(threads);
        try {
            List<Future<?>> running = new ArrayList<>();
            for (int i = 0; i < threads; i++) {
                int index = i;
                running.add(pool.submit(() -> {
                    work.run(index);
                    return null;
                }));
            }
            for (Future<?> one : running) {
                one.get();
            }
        } catch (ExecutionException e) {
            throw e.getCause() instanceof IOException ? (IOException) e.getCause() : new IOException(e.getCause());
        } catch (InterruptedException e) {
            throw new IOException(e);
        } finally {
            pool.shutdownNow();
        }
    }
}
