# Starts the worker in its container. REST_LOGIN is the login of its REST interface, NAME=PASSWORD. KAFKA_USERNAME and
# KAFKA_PASSWORD are its login at Kafka (SCRAM), if it has one. The passwords go to files: connectors can read variables
# of the worker's environment.
set -eu
umask 077
case "${REST_LOGIN:-}" in ?*=?*) ;; *) echo 'REST_LOGIN must be NAME=PASSWORD' >&2; exit 1 ;; esac
printf '%s\n' "$REST_LOGIN" > /tmp/connect.users
unset REST_LOGIN
echo 'KafkaConnect {
  org.apache.kafka.connect.rest.basic.auth.extension.PropertyFileLoginModule required file="/tmp/connect.users";
};' > /tmp/connect.jaas
if [ -n "${KAFKA_USERNAME:-}" ]; then
  printf 'KafkaClient { %s required username="%s" password="%s"; };\n' \
    org.apache.kafka.common.security.scram.ScramLoginModule "$KAFKA_USERNAME" "$KAFKA_PASSWORD" >> /tmp/connect.jaas
fi
unset KAFKA_PASSWORD
# For health.sh: exec keeps the process.
echo $$ > /tmp/connect.pid
# The worker's own provider is named in worker.properties; no client may name others (CVE-2024-31141).
exec java -XX:+UseSerialGC -Dlog4j2.configurationFile=/connect/log4j2.yaml \
  -Djava.security.auth.login.config=/tmp/connect.jaas \
  -Dorg.apache.kafka.automatic.config.providers=org.apache.kafka.common.config.provider.EnvVarConfigProvider \
  -cp '/connect/kafka/*' org.apache.kafka.connect.cli.ConnectDistributed /connect/worker.properties
