package jobs;

import java.io.File;
import java.io.FileOutputStream;
import java.nio.charset.StandardCharsets;
import org.apache.flink.api.common.functions.RichMapFunction;

/** Appends each line to a file at once. After a failure, lines since the last checkpoint come again: this is no sink. */
final class LineFile extends RichMapFunction<String, String> {
  private static final long serialVersionUID = 1;

  private final String file;
  private transient FileOutputStream out;

  LineFile(String file) {
    this.file = file;
  }

  @Override
  public String map(String line) throws Exception {
    if (out == null) {
      new File(file).getAbsoluteFile().getParentFile().mkdirs();
      out = new FileOutputStream(file, true);
    }
    out.write((line + "\n").getBytes(StandardCharsets.UTF_8)); // one write: no torn line when the process is killed
    return line;
  }

  @Override
  public void close() throws Exception {
    if (out != null) {
      out.close();
    }
  }
}
