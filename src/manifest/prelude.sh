# What a process of Flink's needs around it, whichever it is: folders, file system plugins, configuration. May run
# again and again in the same container. Whoever has something to tidy up defines give_up before.
command -v give_up > /dev/null || give_up() { exit 78; }
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
# Authorities that the JVM does not know: its own ones, and those of each .crt and .pem, in a store for every JVM here.
if [ -n "$FLINK_STORE_AUTHORITIES" ]; then
  trust=`mktemp -d` && java=`command -v "${JAVA_HOME:+$JAVA_HOME/bin/}java"` && java=`readlink -f "$java"` || give_up
  cp -L "${java%/bin/java}/lib/security/cacerts" "$trust/store" && chmod u+w "$trust/store" || give_up
  for folder in $FLINK_STORE_AUTHORITIES; do
    for file in "$folder"/*.crt "$folder"/*.pem; do [ ! -e "$file" ] || cat "$file"; done
  done | awk -v to="$trust/" '/-----BEGIN CERTIFICATE/ {n++} n {print > (to n ".pem")}'
  [ -e "$trust/1.pem" ] || { echo "no .crt or .pem in $FLINK_STORE_AUTHORITIES holds a certificate" >&2; give_up; }
  for file in "$trust"/*.pem; do
    said=`"${java%java}keytool" -importcert -noprompt -alias "$file" -file "$file" -keystore "$trust/store" -storepass changeit 2>&1 < /dev/null` ||
      { echo "a certificate in $FLINK_STORE_AUTHORITIES cannot be read: $said" >&2; give_up; }
  done
  export JAVA_TOOL_OPTIONS="$JAVA_TOOL_OPTIONS -Djavax.net.ssl.trustStore=$trust/store -Djavax.net.ssl.trustStorePassword=changeit"
fi
# The plugin $1 from the web, kept where a container that is started again finds it. $2 is its URL, and behind a # its SHA-256.
bring() {
  kept=/flink/plugins
  [ -d "$kept" ] || kept="${TMPDIR:-/tmp}"
  if [ ! -e "$kept/$1.jar" ]; then
    said=`"${JAVA_HOME:+$JAVA_HOME/bin/}java" -XX:TieredStopAtLevel=1 -cp "$agent:$FLINK_LIB_DIR/*" agent.Agent fetch "${2%%#*}" "$kept/$1.new" 2>&1 < /dev/null` ||
      { echo "the plugin $1 cannot be had from ${2%%#*}: "`echo "$said" | tail -n 1` >&2; return 1; }
    case $2 in *'#'*) echo "${2#*#}  $kept/$1.new" | sha256sum -c --status || { echo "${2%%#*} has another SHA-256 than ${2#*#}" >&2; rm "$kept/$1.new"; return 1; } ;; esac
    mv "$kept/$1.new" "$kept/$1.jar" || return 1
  fi
  enable "$kept/$1.jar" "$1"
}
: "${agent:=$FLINK_CONF_DIR/kubectl-flink-agent.jar}"
# Those of the state's stores, in whatever patch release the image has them.
for plugin in $FLINK_STORE_PLUGINS; do
  for wanted in $FLINK_STORE_PLUGIN_JARS; do
    case $wanted in "$plugin="*) bring "$plugin" "${wanted#*=}" || give_up ;; esac
  done
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
