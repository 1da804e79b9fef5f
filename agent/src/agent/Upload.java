package agent;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.security.DigestOutputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.List;
import java.util.HashMap;
import org.apache.flink.core.fs.FSDataOutputStream;
import org.apache.flink.core.fs.FileStatus;
import org.apache.flink.core.fs.Path;

/**
 * An upload that goes on where it was cut, on any store: what has arrived lies in the folder {@code FILE.parts}, in files
 * named by their offset. The file itself appears last, whole, with the right checksum.
 */
final class Upload {
    /** An object appears when it is closed, so this much is lost at most when the connection breaks. */
    private static final long PART = 8L << 20;

    private final String uri;
    private final long size;
    private final String sha256;
    private final String parts;

    Upload(String uri, long size, String sha256) {
        this.uri = uri;
        this.size = size;
        this.sha256 = sha256;
        parts = uri + ".parts";
    }

    /** How much is there; -1 for all of it, checksum verified. */
    long begin() throws IOException {
        FileStatus whole = Store.stat(uri);
        if (whole != null && !whole.isDir() && whole.getLen() == size && sha256.equals(hash(List.of(uri), OutputStream.nullOutputStream()))) {
            Store.quietlyDelete(parts, true);
            return -1;
        }
        long there = there(found());
        if (there > size) {
            Store.delete(parts, true);
            there = 0;
        }
        long free = Store.space(uri)[0];
        // Where no size is told, zero means nothing.
        if (free > 0 && free < size - there) {
            throw new IOException("No space left: " + (size - there) + " bytes are needed, " + free + " are free");
        }
        return there;
    }

    /** Takes the rest from the client, and makes the file of all parts. */
    void finish(long offset, InputStream content) throws IOException {
        if (there(found()) != offset) {
            throw new Mismatch("another upload of the same file is under way");
        }
        try {
            long at = offset;
            do {
                at = part(at, content);
            } while (at < size);
            publish();
        } catch (EOFException | Mismatch e) {
            throw e;
        } catch (IOException | RuntimeException e) {
            // The job needs the room for its checkpoints.
            Store.quietlyDelete(parts, true);
            throw e;
        }
    }

    private long part(long from, InputStream content) throws IOException {
        long length = Store.isObjectStore(uri) ? Math.min(PART, size - from) : size - from;
        long got = 0;
        boolean cut = false;
        try (FSDataOutputStream out = Store.create(String.format("%s/%020d", parts, from))) {
            byte[] chunk = new byte[Store.CHUNK];
            while (got < length && !cut) {
                int some;
                try {
                    some = content.read(chunk, 0, (int) Math.min(Store.CHUNK, length - got));
                } catch (EOFException e) {
                    some = -1;
                }
                cut = some < 0;
                if (!cut) {
                    out.write(chunk, 0, some);
                    got += some;
                }
            }
            if (!Store.isObjectStore(uri)) {
                out.sync();
            }
        }
        if (cut) {
            throw new EOFException("the connection was cut");
        }
        return from + got;
    }

    private void publish() throws IOException {
        HashMap<Long, Long> found = found();
        if (there(found) != size) {
            throw new Mismatch("another upload of the same file is under way");
        }
        List<String> names = new ArrayList<>();
        long at = 0;
        do {
            names.add(String.format("%s/%020d", parts, at));
            at += found.get(at);
        } while (at < size);
        boolean objects = Store.isObjectStore(uri);
        if (objects || names.size() == 1) {
            // What is closed on an object store is seen by all: look before.
            expect(hash(names, OutputStream.nullOutputStream()));
        }
        if (objects) {
            try (FSDataOutputStream out = Store.create(uri)) {
                hash(names, out);
            }
        } else {
            String whole = names.get(0);
            if (names.size() > 1) {
                whole = parts + "/whole";
                try (FSDataOutputStream out = Store.create(whole)) {
                    expect(hash(names, out));
                    out.sync();
                }
            }
            Store.rename(whole, uri);
        }
        Store.quietlyDelete(parts, true);
    }

    private void expect(String hash) throws IOException {
        if (!hash.equals(sha256)) {
            Store.delete(parts, true);
            throw new Mismatch("what arrived has another checksum");
        }
    }

    /** Offsets and lengths of the parts. */
    private HashMap<Long, Long> found() throws IOException {
        HashMap<Long, Long> found = new HashMap<>();
        for (FileStatus status : Store.children(parts)) {
            String name = status.getPath().getName();
            if (!status.isDir() && name.length() == 20 && name.chars().allMatch(Character::isDigit)) {
                found.put(Long.parseLong(name), status.getLen());
            }
        }
        return found;
    }

    /** How many bytes from the start have no gap. Parts inside others are those of a session that was cut. */
    private static long there(HashMap<Long, Long> found) {
        long at = 0;
        while (found.getOrDefault(at, 0L) > 0) {
            at += found.get(at);
        }
        return at;
    }

    private static String hash(List<String> names, OutputStream out) throws IOException {
        try {
            DigestOutputStream digest = new DigestOutputStream(out, MessageDigest.getInstance("SHA-256"));
            for (String name : names) {
                try (InputStream in = Store.of(name).open(new Path(name))) {
                    Store.pipe(in, digest, Long.MAX_VALUE);
                }
            }
            StringBuilder hex = new StringBuilder();
            for (byte b : digest.getMessageDigest().digest()) {
                hex.append(String.format("%02x", b));
            }
            return hex.toString();
        } catch (NoSuchAlgorithmException e) {
            throw new IOException(e);
        }
    }

    /** What is there is not what was sent. */
    static final class Mismatch extends IOException {
        private static final long serialVersionUID = 1;

        Mismatch(String message) {
            super(message);
        }
    }
}
