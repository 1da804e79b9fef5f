# $1 the length of the agent's jar, which comes first on stdin; what follows are flags of java.
for room in "${TMPDIR:-/tmp}" /dev/shm; do
  dir=$(mktemp -d "$room/kubectl-flink-XXXXXXXX" 2> /dev/null) && break
done
[ -d "$dir" ] || { head -c "$1" > /dev/null; echo 'neither /tmp nor /dev/shm is writable' >&2; exit 73; }
head -c "$1" > "$dir/agent.jar"
shift
agent="$dir/agent.jar"
