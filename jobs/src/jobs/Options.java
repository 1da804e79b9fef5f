package jobs;

import java.io.Serializable;
import java.util.HashMap;
import java.util.Map;

/** The arguments of {@link CounterJob}: {@code --name value} or {@code --name}, in any order. */
final class Options implements Serializable {
  private static final long serialVersionUID = 1;

  static final String USAGE = String.join("\n",
      "CounterJob: counts numbered records per key.",
      "  --rate N               records a second (100)",
      "  --records N            stop after so many records (never)",
      "  --keys N               number of keys (10); record n belongs to key n % keys",
      "  --padding N            bytes of extra state a key (0)",
      "  --lines FILE           append a line 'sequence key count' for each record, visible at once",
      "  --commit URI           write the same lines into files of this folder, visible when a checkpoint commits them",
      "  --slow-snapshot-ms N   each subtask i sleeps N * (i + 1) milliseconds in every snapshot (0)",
      "  --fail-snapshots WHEN  snapshots fail (not the job): 'always', or while the named file exists",
      "  --fail-after N         the job fails N seconds after each start",
      "  --fail-main            main() throws",
      "  --drained FILE         append a line 'drained KEY' for each key when event time comes to its end: a stop that drains",
      "  --rename-operator      the counting operator gets another uid, so that its old state has no owner");

  final double rate;
  final long records;
  final long keys;
  final int padding;
  final String lines;
  final String commit;
  final long slowSnapshotMs;
  final String failSnapshots;
  final long failAfterSeconds;
  final boolean failMain;
  final String drained;
  final boolean renameOperator;

  Options(String[] args) {
    Map<String, String> given = new HashMap<>();
    for (int i = 0; i < args.length; i++) {
      if (!args[i].startsWith("--")) {
        throw new IllegalArgumentException("unexpected argument " + args[i] + "\n" + USAGE);
      }
      boolean hasValue = i + 1 < args.length && !args[i + 1].startsWith("--");
      given.put(args[i].substring(2), hasValue ? args[++i] : "true");
    }
    rate = Double.parseDouble(take(given, "rate", "100"));
    records = Long.parseLong(take(given, "records", String.valueOf(Long.MAX_VALUE)));
    keys = Long.parseLong(take(given, "keys", "10"));
    padding = Integer.parseInt(take(given, "padding", "0"));
    lines = take(given, "lines", null);
    commit = take(given, "commit", null);
    slowSnapshotMs = Long.parseLong(take(given, "slow-snapshot-ms", "0"));
    failSnapshots = take(given, "fail-snapshots", null);
    failAfterSeconds = Long.parseLong(take(given, "fail-after", "0"));
    failMain = Boolean.parseBoolean(take(given, "fail-main", "false"));
    drained = take(given, "drained", null);
    renameOperator = Boolean.parseBoolean(take(given, "rename-operator", "false"));
    if (!given.isEmpty()) {
      throw new IllegalArgumentException("unknown options " + given.keySet() + "\n" + USAGE);
    }
  }

  private static String take(Map<String, String> given, String name, String otherwise) {
    String value = given.remove(name);
    return value == null ? otherwise : value;
  }
}
