package jobs;

import java.io.File;
import java.io.IOException;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.hbase.HBaseConfiguration;
import org.apache.hadoop.hbase.TableName;
import org.apache.hadoop.hbase.client.Admin;
import org.apache.hadoop.hbase.client.ColumnFamilyDescriptorBuilder;
import org.apache.hadoop.hbase.client.Connection;
import org.apache.hadoop.hbase.client.ConnectionFactory;
import org.apache.hadoop.hbase.client.Put;
import org.apache.hadoop.hbase.client.Result;
import org.apache.hadoop.hbase.client.ResultScanner;
import org.apache.hadoop.hbase.client.Scan;
import org.apache.hadoop.hbase.client.Table;
import org.apache.hadoop.hbase.client.TableDescriptorBuilder;
import org.apache.hadoop.hbase.util.Bytes;

/** Counts, and keeps the counts in HBase, by the data store {@code rows}. */
public final class HBaseRows extends Upserts {
  private static final long serialVersionUID = 1;
  private static final byte[] FAMILY = Bytes.toBytes("f");
  private static final byte[] KEY = Bytes.toBytes("key");
  private static final byte[] COUNT = Bytes.toBytes("count");

  /** The job; or {@code --print}. */
  public static void main(String[] args) throws Exception {
    run(args, new HBaseRows());
  }

  @Override
  Rows connect() throws Exception {
    Configuration config = HBaseConfiguration.create();
    config.addResource(new File(System.getenv("DATA_STORE_ROWS_DIR"), "hbase-site.xml").toURI().toURL());
    TableName name = TableName.valueOf(System.getenv("DATA_STORE_ROWS_NAMESPACE"), System.getenv("DATA_STORE_ROWS_TABLE"));
    Connection connection = ConnectionFactory.createConnection(config);
    try (Admin admin = connection.getAdmin()) {
      if (!admin.tableExists(name)) {
        admin.createTable(TableDescriptorBuilder.newBuilder(name)
            .setColumnFamily(ColumnFamilyDescriptorBuilder.of(FAMILY)).build());
      }
    }
    Table table = connection.getTable(name);
    return new Rows() {
      @Override
      public void upsert(long sequence, long key, long count) throws Exception {
        table.put(new Put(Bytes.toBytes(sequence))
            .addColumn(FAMILY, KEY, Bytes.toBytes(key)).addColumn(FAMILY, COUNT, Bytes.toBytes(count)));
      }

      @Override
      public void print() throws Exception {
        try (ResultScanner rows = table.getScanner(new Scan())) {
          for (Result row : rows) {
            System.out.println(Bytes.toLong(row.getRow()) + " " + Bytes.toLong(row.getValue(FAMILY, KEY)) + " "
                + Bytes.toLong(row.getValue(FAMILY, COUNT)));
          }
        }
      }

      @Override
      public void close() throws IOException {
        table.close();
        connection.close();
      }
    };
  }
}
