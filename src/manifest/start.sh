# What the official image's entry point does before it starts Flink, without the three JVMs that its scripts start to
# compute what is computed already: $@ holds every flag.
: "${FLINK_HOME:=/opt/flink}"
: "${FLINK_LIB_DIR:=$FLINK_HOME/lib}" "${FLINK_OPT_DIR:=$FLINK_HOME/opt}" "${FLINK_PLUGINS_DIR:=$FLINK_HOME/plugins}"
export FLINK_HOME FLINK_LIB_DIR FLINK_OPT_DIR FLINK_PLUGINS_DIR
if [ "${DISABLE_JEMALLOC:-false}" = false ]; then
  for lib in /usr/lib/*-linux-gnu/libjemalloc.so; do
    [ ! -e "$lib" ] || export LD_PRELOAD="${LD_PRELOAD:+$LD_PRELOAD:}$lib"
  done
fi
IFS=';'
for jar in $ENABLE_BUILT_IN_PLUGINS; do
  [ -e "$FLINK_OPT_DIR/$jar" ] || { echo "ENABLE_BUILT_IN_PLUGINS: there is no $FLINK_OPT_DIR/$jar" >&2; exit 1; }
  mkdir -p "$FLINK_PLUGINS_DIR/${jar%.jar}" && ln -fs "$FLINK_OPT_DIR/$jar" "$FLINK_PLUGINS_DIR/${jar%.jar}/" || exit 1
done
unset IFS
classpath="$FLINK_LIB_DIR/*${HADOOP_CLASSPATH:+:$HADOOP_CLASSPATH}${HADOOP_CONF_DIR:+:$HADOOP_CONF_DIR}"
exec "${JAVA_HOME:+$JAVA_HOME/bin/}java" -cp "$classpath" "$@"
