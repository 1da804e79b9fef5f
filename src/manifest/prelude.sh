# What a process of Flink's needs around it, whichever it is: folders, file system plugins, configuration. May run
# again and again in the same container. Whoever has something to tidy up defines give_up before.
command -v give_up > /dev/null || give_up() { exit 1; }
: "${FLINK_HOME:=/opt/flink}"
: "${FLINK_LIB_DIR:=$FLINK_HOME/lib}" "${FLINK_OPT_DIR:=$FLINK_HOME/opt}" "${FLINK_PLUGINS_DIR:=$FLINK_HOME/plugins}"
export FLINK_HOME FLINK_LIB_DIR FLINK_OPT_DIR FLINK_PLUGINS_DIR
enable() {
  mkdir -p "$FLINK_PLUGINS_DIR/$2" && ln -fs "$1" "$FLINK_PLUGINS_DIR/$2/"
}
IFS=';'
for jar in $ENABLE_BUILT_IN_PLUGINS; do
  [ -e "$FLINK_OPT_DIR/$jar" ] || { echo "ENABLE_BUILT_IN_PLUGINS: there is no $FLINK_OPT_DIR/$jar" >&2; give_up; }
  enable "$FLINK_OPT_DIR/$jar" "${jar%.jar}" || give_up
done
unset IFS
# Those of the state's stores, in whatever patch release the image has them.
for plugin in $FLINK_STORE_PLUGINS; do
  for jar in "$FLINK_PLUGINS_DIR"/*/"$plugin"*.jar "$FLINK_OPT_DIR/$plugin"*.jar; do [ ! -e "$jar" ] || break; done
  case $jar in
    *'*'*) echo "the image has no $plugin-VERSION.jar in $FLINK_OPT_DIR or below $FLINK_PLUGINS_DIR, which the state's storage needs" >&2; give_up ;;
    "$FLINK_OPT_DIR"/*) enable "$jar" "$plugin" || give_up ;;
  esac
done
# A pod without Flink's own ConfigMap brings the store's keys along.
if [ -n "$FLINK_STORE_CONFIG" ]; then
  mkdir -p "$FLINK_CONF_DIR" || give_up
  printf '%s' "$FLINK_STORE_CONFIG" > "$FLINK_CONF_DIR/config.yaml" || give_up
  printf '%s' "$FLINK_STORE_CONFIG_LINES" > "$FLINK_CONF_DIR/flink-conf.yaml" || give_up
fi
hadoop="${HADOOP_CLASSPATH:+:$HADOOP_CLASSPATH}${HADOOP_CONF_DIR:+:$HADOOP_CONF_DIR}"
