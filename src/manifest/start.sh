# What the official image's entry point does before it starts Flink, without the three JVMs that its scripts start to
# compute what is computed already: $@ holds every flag.
if [ "${DISABLE_JEMALLOC:-false}" = false ]; then
  for lib in /usr/lib/*-linux-gnu/libjemalloc.so; do
    [ ! -e "$lib" ] || export LD_PRELOAD="${LD_PRELOAD:+$LD_PRELOAD:}$lib"
  done
fi
exec "${JAVA_HOME:+$JAVA_HOME/bin/}java" -cp "$FLINK_LIB_DIR/*$hadoop" "$@"
