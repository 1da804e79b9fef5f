package faulty;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.net.URI;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.flink.core.fs.FSDataInputStream;
import org.apache.flink.core.fs.FSDataOutputStream;
import org.apache.flink.core.fs.FileStatus;
import org.apache.flink.core.fs.FileSystem;
import org.apache.flink.core.fs.FileSystemFactory;
import org.apache.flink.core.fs.Path;
import org.apache.flink.core.fs.local.LocalFileSystem;

/** A fault injector for tests: file systems over local folders, one for each way in which a store may misbehave. */
public final class Faulty {
    private Faulty() {}

    /** Takes no file. */
    public static final class Denying extends Factory {
        public Denying() {
            super("faulty-denying");
        }
    }

    /** Takes 30 ms more for everything. */
    public static final class Slow extends Factory {
        public Slow() {
            super("faulty-slow");
        }
    }

    /** Forgets what is in every third file. */
    public static final class Forgetful extends Factory {
        public Forgetful() {
            super("faulty-forgetful");
        }
    }

    /** Lists files only when they are 300 ms old. */
    public static final class Late extends Factory {
        public Late() {
            super("faulty-late");
        }
    }

    /** Makes file systems for a scheme, which is also the name of the fault. */
    public abstract static class Factory implements FileSystemFactory {
        private final String scheme;

        Factory(String scheme) {
            this.scheme = scheme;
        }

        @Override
        public String getScheme() {
            return scheme;
        }

        @Override
        public FileSystem create(URI uri) {
            return new Files(scheme);
        }
    }

    private static final class Files extends LocalFileSystem {
        private final String fault;
        private final AtomicInteger created = new AtomicInteger();

        Files(String fault) {
            this.fault = fault;
        }

        private void pause() {
            if (fault.equals("faulty-slow")) {
                try {
                    Thread.sleep(30);
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
            }
        }

        @Override
        public FSDataOutputStream create(Path path, WriteMode mode) throws IOException {
            pause();
            if (fault.equals("faulty-denying")) {
                throw new IOException(path + ": Permission denied");
            }
            FSDataOutputStream out = super.create(path, mode);
            return fault.equals("faulty-forgetful") && created.incrementAndGet() % 3 == 0 ? new Sink(out) : out;
        }

        @Override
        public FSDataInputStream open(Path path) throws IOException {
            pause();
            return super.open(path);
        }

        @Override
        public FileStatus[] listStatus(Path path) throws IOException {
            pause();
            FileStatus[] found = super.listStatus(path);
            if (found == null) {
                throw new FileNotFoundException(path.toString());
            }
            long now = System.currentTimeMillis();
            boolean late = fault.equals("faulty-late");
            return Arrays.stream(found)
                    .filter(status -> !late || status.isDir() || now - status.getModificationTime() > 300)
                    .toArray(FileStatus[]::new);
        }

        @Override
        public boolean delete(Path path, boolean recursive) throws IOException {
            pause();
            return super.delete(path, recursive);
        }
    }

    /** Takes everything and keeps nothing. */
    private static final class Sink extends FSDataOutputStream {
        private final FSDataOutputStream out;
        private long taken;

        Sink(FSDataOutputStream out) {
            this.out = out;
        }

        @Override
        public void write(int b) {
            taken++;
        }

        @Override
        public void write(byte[] bytes, int offset, int length) {
            taken += length;
        }

        @Override
        public long getPos() {
            return taken;
        }

        @Override
        public void flush() {}

        @Override
        public void sync() {}

        @Override
        public void close() throws IOException {
            out.close();
        }
    }
}
