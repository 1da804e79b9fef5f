# Starts $agent. Whatever was set before this (classpath, FLINK_*) stands.
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
exec "$java" -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xss512k -Xmx192m "$@" -cp "$agent:$classpath" agent.Agent serve "$dir"
