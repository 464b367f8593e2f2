# The health check of the worker's container: /health with the login answers 200. A worker that once answered, and then gives
# no answer six times in a row, is ended, so that its container is started again: a frozen worker never ends by itself. Any
# answer counts as life, because /health fails while Kafka is away, and a new worker would not help then.
set -u
address=${CONNECT_ADDRESS:-127.0.0.1/8083} state=${CONNECT_STATE:-/tmp} seconds=${CONNECT_WAIT:-2}
ask() { # ask PATH: the first line of the answer
  exec 3<>"/dev/tcp/$address" || return 1
  printf 'GET %s HTTP/1.0\r\nAuthorization: Basic %s\r\n\r\n' "$1" "$(printf %s "$REST_LOGIN" | tr = : | base64 -w 0)" >&3
  read -r -t "$seconds" line <&3 && echo "$line"
}
{ health=$(ask /health); any=${health:-$(ask /)}; } 2>/dev/null
if [ -n "$any" ]; then
  : > "$state/connect.silent"
  [[ $health == *' 200 '* ]] && exit 0
  echo "$any"
  exit 1
fi
if [ -e "$state/connect.silent" ]; then
  echo . >> "$state/connect.silent"
  [ "$(wc -l < "$state/connect.silent")" -lt 6 ] || kill -KILL "$(cat "$state/connect.pid")"
fi
echo 'no answer'
exit 1
