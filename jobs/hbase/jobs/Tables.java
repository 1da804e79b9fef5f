package jobs;

import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.hbase.HBaseConfiguration;
import org.apache.hadoop.hbase.TableName;
import org.apache.hadoop.hbase.client.Admin;
import org.apache.hadoop.hbase.client.Connection;
import org.apache.hadoop.hbase.client.ConnectionFactory;

/** Prints the names of HBase's tables. Runs without Flink. */
public final class Tables {
  private Tables() {}

  /** {@code HOST:PORT} of ZooKeeper. */
  public static void main(String[] args) throws Exception {
    Configuration config = HBaseConfiguration.create();
    config.set("hbase.zookeeper.quorum", args[0]);
    try (Connection connection = ConnectionFactory.createConnection(config); Admin admin = connection.getAdmin()) {
      for (TableName name : admin.listTableNames()) {
        System.out.println(name);
      }
    }
  }
}
