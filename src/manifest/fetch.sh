# $1, and $agent, the agent's jar, $2 its main class, $3 the URI of the job's jar, $4 where it goes. Logging would cost a third of
# the start.
classpath=$1
for jar in "$FLINK_LIB_DIR"/*.jar; do
  case ${jar##*/} in log4j*) ;; *) classpath="$classpath:$jar" ;; esac
done
exec "${JAVA_HOME:+$JAVA_HOME/bin/}java" -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xmx192m -cp "$classpath$hadoop" "$2" fetch "$3" "$4"
