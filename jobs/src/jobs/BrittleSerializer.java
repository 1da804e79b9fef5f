package jobs;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Paths;
import org.apache.flink.api.common.typeutils.SimpleTypeSerializerSnapshot;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.apache.flink.api.common.typeutils.base.TypeSerializerSingleton;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/**
 * Writes strings, but fails to when the string is 'always' or names a file that exists. Flink writes operator state in the
 * background part of a snapshot, so the failure is one of the snapshot alone, as when storage fails: the task goes on.
 * (A function that throws in snapshotState fails its whole task.)
 */
public final class BrittleSerializer extends TypeSerializerSingleton<String> {
  private static final long serialVersionUID = 1;

  @Override
  public void serialize(String when, DataOutputView target) throws IOException {
    if (when.equals("always") || Files.exists(Paths.get(when))) {
      throw new IOException("the snapshot fails because --fail-snapshots was given");
    }
    target.writeUTF(when);
  }

  @Override
  public String deserialize(DataInputView source) throws IOException {
    return source.readUTF();
  }

  @Override
  public String deserialize(String reuse, DataInputView source) throws IOException {
    return deserialize(source);
  }

  @Override
  public void copy(DataInputView source, DataOutputView target) throws IOException {
    target.writeUTF(source.readUTF());
  }

  @Override
  public boolean isImmutableType() {
    return true;
  }

  @Override
  public String createInstance() {
    return "";
  }

  @Override
  public String copy(String from) {
    return from;
  }

  @Override
  public String copy(String from, String reuse) {
    return from;
  }

  @Override
  public int getLength() {
    return -1;
  }

  @Override
  public TypeSerializerSnapshot<String> snapshotConfiguration() {
    return new Snapshot();
  }

  /** What Flink stores about this serializer: nothing but its class. */
  public static final class Snapshot extends SimpleTypeSerializerSnapshot<String> {
    public Snapshot() {
      super(BrittleSerializer::new);
    }
  }
}
