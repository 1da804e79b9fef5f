import java.io.ByteArrayOutputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Asks Flink for the memory of each case on standard input and prints its answer.
 *
 * <p>It calls BashJavaUtils, the class that Flink's own start scripts call, in one JVM. See README.md.
 */
public final class Record {
    public static void main(String[] args) throws Exception {
        PrintStream out = System.out;
        // Flink logs to standard output, where the answers belong.
        System.setOut(new PrintStream(OutputStream.nullOutputStream()));
        Path conf = Files.createTempDirectory("flink-memory");
        Files.createFile(conf.resolve("config.yaml"));
        Method utils =
                Class.forName("org.apache.flink.runtime.util.bash.BashJavaUtils")
                        .getMethod("main", String[].class);
        for (String line : new String(System.in.readAllBytes()).split("\n")) {
            if (!line.isBlank() && !line.startsWith("#")) {
                out.println(line);
                answer(utils, conf, line.trim().split(" +"), out);
                out.println();
            }
        }
    }

    private static void answer(Method utils, Path conf, String[] words, PrintStream out)
            throws Exception {
        List<String> args = new ArrayList<>();
        args.add(words[0].equals("jobmanager") ? "GET_JM_RESOURCE_PARAMS" : "GET_TM_RESOURCE_PARAMS");
        args.add("--configDir");
        args.add(conf.toString());
        for (int i = 1; i < words.length; i++) {
            args.add("-D");
            args.add(words[i]);
        }
        ByteArrayOutputStream said = new ByteArrayOutputStream();
        System.setOut(new PrintStream(said));
        try {
            utils.invoke(null, (Object) args.toArray(new String[0]));
            for (String line : said.toString().split("\n")) {
                String prefix = "BASH_JAVA_UTILS_EXEC_RESULT:";
                if (line.startsWith(prefix)) {
                    out.println("= " + line.substring(prefix.length()));
                }
            }
        } catch (InvocationTargetException e) {
            out.println("! " + e.getCause().getMessage().split("\n")[0]);
        } finally {
            System.setOut(new PrintStream(OutputStream.nullOutputStream()));
        }
    }
}
