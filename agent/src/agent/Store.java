package agent;

import java.io.File;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.StandardCopyOption;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;
import org.apache.flink.core.fs.FSDataInputStream;
import org.apache.flink.core.fs.FSDataOutputStream;
import org.apache.flink.core.fs.FileStatus;
import org.apache.flink.core.fs.FileSystem;
import org.apache.flink.core.fs.Path;

/** Files, wherever Flink can reach them. Only what Flink 1.17 to 2.3 all have is called. */
final class Store {
    static final int CHUNK = 1 << 16;

    /** Schemes whose files appear whole when they are closed, and whose rename is a copy. */
    private static final Set<String> OBJECT_STORES =
            new HashSet<>(Arrays.asList("s3", "s3a", "s3n", "s3p", "gs", "oss", "wasb", "wasbs"));

    private Store() {}

    static FileSystem of(String uri) throws IOException {
        return new Path(uri).getFileSystem();
    }

    static boolean isObjectStore(String uri) {
        return OBJECT_STORES.contains(scheme(uri));
    }

    /** The file on this machine that a {@code file:} URI names; null for other schemes. */
    static File local(String uri) {
        return scheme(uri).equals("file") ? new File(new Path(uri).getPath()) : null;
    }

    private static String scheme(String uri) {
        URI parsed = new Path(uri).toUri();
        String scheme = parsed.getScheme() == null ? FileSystem.getDefaultFsUri().getScheme() : parsed.getScheme();
        return scheme.toLowerCase(java.util.Locale.ROOT);
    }

    /** The status of a file or folder; null when there is none. */
    static FileStatus stat(String uri) throws IOException {
        try {
            return of(uri).getFileStatus(new Path(uri));
        } catch (FileNotFoundException | java.nio.file.NoSuchFileException e) {
            return null;
        }
    }

    /** What is in a folder; nothing when there is no such folder. */
    static FileStatus[] children(String folder) throws IOException {
        try {
            FileStatus[] found = of(folder).listStatus(new Path(folder));
            return found == null ? new FileStatus[0] : found;
        } catch (FileNotFoundException | java.nio.file.NoSuchFileException e) {
            return new FileStatus[0];
        }
    }

    /** Sends the entries below a folder, some levels deep, a few hundred a frame. */
    static void list(Wire wire, String root, int depth, Set<String> skip) throws IOException {
        String base = root.replaceAll("(?<=[^:/])/+$", "");
        ArrayDeque<String> folders = new ArrayDeque<>();
        ArrayDeque<Integer> levels = new ArrayDeque<>();
        folders.add(base);
        levels.add(depth);
        Wire.Body body = new Wire.Body();
        while (!folders.isEmpty()) {
            String folder = folders.poll();
            int level = levels.poll();
            for (FileStatus child : level > 0 ? children(folder) : new FileStatus[0]) {
                String name = child.getPath().getName();
                // A listing of a file is the file; some object stores list the folder's own marker.
                boolean itself = child.getPath().getPath().equals(new Path(folder).getPath());
                if (itself || skip.contains(name)) {
                    continue;
                }
                String uri = folder + "/" + name;
                entry(body, uri, child);
                if (body.size() > CHUNK) {
                    wire.send(Wire.ENTRIES, body);
                    body.clear();
                }
                if (child.isDir()) {
                    folders.add(uri);
                    levels.add(level - 1);
                }
            }
        }
        wire.send(Wire.ENTRIES, body);
    }

    static void entry(Wire.Body body, String uri, FileStatus status) throws IOException {
        body.text(uri).number(status.isDir() ? 1 : 0);
        body.big(status.isDir() ? 0 : status.getLen()).big(status.getModificationTime());
    }

    /** Sends so many bytes of a file, or what there is of them. */
    static void read(Wire wire, String uri, long offset, long limit) throws IOException {
        byte[] chunk = new byte[CHUNK];
        try (FSDataInputStream in = of(uri).open(new Path(uri))) {
            if (offset > 0) {
                in.seek(offset);
            }
            long left = limit;
            while (left > 0) {
                int length = in.read(chunk, 0, (int) Math.min(left, CHUNK));
                if (length < 0) {
                    return;
                }
                wire.send(Wire.DATA, chunk, length);
                left -= length;
            }
        }
    }

    static FSDataOutputStream create(String uri) throws IOException {
        Path path = new Path(uri);
        // Azure's file system keeps folders, and fails to create a file where it finds none above it.
        boolean keepsFolders = !isObjectStore(uri) || scheme(uri).startsWith("wasb");
        if (keepsFolders && path.getParent() != null) {
            of(uri).mkdirs(path.getParent());
        }
        return of(uri).create(path, FileSystem.WriteMode.OVERWRITE);
    }

    /** Writes a file whole or not at all. */
    static void write(String uri, byte[] content) throws IOException {
        if (isObjectStore(uri)) {
            try (FSDataOutputStream out = create(uri)) {
                out.write(content);
            }
            return;
        }
        String part = uri + "." + ProcessHandle.current().pid() + "-" + System.nanoTime() + ".part";
        try {
            try (FSDataOutputStream out = create(part)) {
                out.write(content);
                out.sync();
            }
            rename(part, uri);
        } catch (IOException | RuntimeException e) {
            quietlyDelete(part, false);
            throw e;
        }
    }

    /** Gives a complete file its name, in place of the one that had it. */
    static void rename(String from, String to) throws IOException {
        File source = local(from);
        if (source != null) {
            // Flink's own rename takes the old file away first.
            Files.move(source.toPath(), local(to).toPath(), StandardCopyOption.ATOMIC_MOVE);
            return;
        }
        FileSystem fs = of(to);
        boolean renamed = fs.rename(new Path(from), new Path(to));
        // HDFS renames onto nothing that exists.
        if (!renamed && fs.exists(new Path(to))) {
            fs.delete(new Path(to), false);
            renamed = fs.rename(new Path(from), new Path(to));
        }
        if (!renamed) {
            throw new IOException("could not rename " + from + " to " + to);
        }
    }

    static void copy(String from, String to) throws IOException {
        String part = isObjectStore(to) ? to : to + ".part";
        try (InputStream in = of(from).open(new Path(from));
                FSDataOutputStream out = create(part)) {
            pipe(in, out, Long.MAX_VALUE);
            if (!part.equals(to)) {
                out.sync();
            }
        }
        if (!part.equals(to)) {
            rename(part, to);
        }
    }

    /** Copies at most so many bytes; gives how many there were. */
    static long pipe(InputStream in, OutputStream out, long limit) throws IOException {
        byte[] chunk = new byte[CHUNK];
        long done = 0;
        while (done < limit) {
            int length = in.read(chunk, 0, (int) Math.min(CHUNK, limit - done));
            if (length < 0) {
                break;
            }
            out.write(chunk, 0, length);
            done += length;
        }
        return done;
    }

    /** Whether it was there. A folder goes with all it holds, in as few requests as the file system knows how. */
    static boolean delete(String uri, boolean recursive) throws IOException {
        try {
            return of(uri).delete(new Path(uri), recursive);
        } catch (FileNotFoundException | java.nio.file.NoSuchFileException e) {
            return false;
        }
    }

    static void quietlyDelete(String uri, boolean recursive) {
        try {
            delete(uri, recursive);
        } catch (IOException | RuntimeException e) {
            // What failed before is worth telling, this is not.
        }
    }

    /** What is there of a path on this machine; null for other schemes. */
    private static File there(String uri) {
        File file = local(uri);
        while (file != null && !file.exists()) {
            file = file.getParentFile();
        }
        return file;
    }

    /** The type of the file system that a path is on, as the kernel names it; empty for other schemes. */
    static String fileSystem(String uri) throws IOException {
        File file = there(uri);
        return file == null ? "" : Files.getFileStore(file.toPath()).type();
    }

    /** Free and total bytes of the volume that a path is on; -1 where the store does not tell. */
    static long[] space(String uri) {
        File file = there(uri);
        return file == null ? new long[] {-1, -1} : new long[] {file.getUsableSpace(), file.getTotalSpace()};
    }
}
