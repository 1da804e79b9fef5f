package jobs;

import com.datastax.oss.driver.api.core.CqlSession;
import java.net.InetSocketAddress;

/** Makes a keyspace where it is missing, and prints the names of its tables. Runs without Flink. */
public final class Keyspace {
  private Keyspace() {}

  /** {@code HOST:PORT DATACENTER USER PASSWORD KEYSPACE}. */
  public static void main(String[] args) {
    String[] address = args[0].split(":");
    InetSocketAddress point = new InetSocketAddress(address[0], Integer.parseInt(address[1]));
    try (CqlSession session = CqlSession.builder().addContactPoint(point).withLocalDatacenter(args[1])
        .withAuthCredentials(args[2], args[3]).build()) {
      session.execute("CREATE KEYSPACE IF NOT EXISTS " + args[4]
          + " WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}");
      session.refreshSchema().getKeyspace(args[4]).ifPresent(
          keyspace -> keyspace.getTables().keySet().forEach(System.out::println));
    }
  }
}
