# $1 the length of the jar, which comes first on stdin; what follows are flags of java. Whatever was set before this
# (classpath, FLINK_*) stands.
for room in "${TMPDIR:-/tmp}" /dev/shm; do
  dir=$(mktemp -d "$room/kubectl-flink-XXXXXXXX" 2> /dev/null) && break
done
[ -d "$dir" ] || { head -c "$1" > /dev/null; echo 'neither /tmp nor /dev/shm is writable' >&2; exit 73; }
head -c "$1" > "$dir/agent.jar"
shift
# Should memory run out, this process is the one to go, not the job's.
echo 1000 > /proc/$$/oom_score_adj
home=${FLINK_HOME:-/opt/flink}
export FLINK_CONF_DIR="${FLINK_CONF_DIR:-$home/conf}" FLINK_PLUGINS_DIR="${FLINK_PLUGINS_DIR:-$home/plugins}"
if [ -z "$classpath" ]; then
  # Without log4j, which takes a third of the start. flink-dist first: nearly all is in it.
  for jar in "${FLINK_LIB_DIR:-$home/lib}"/flink-dist*.jar "${FLINK_LIB_DIR:-$home/lib}"/*.jar; do
    case $jar in *log4j*) ;; *) classpath="$classpath${classpath:+:}$jar" ;; esac
  done
  classpath="$classpath:$HADOOP_CLASSPATH:$HADOOP_CONF_DIR"
fi
java=java
[ -x "$JAVA_HOME/bin/java" ] && java="$JAVA_HOME/bin/java"
exec "$java" -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xss512k -Xmx192m "$@" -cp "$dir/agent.jar:$classpath" agent.Agent serve "$dir"
