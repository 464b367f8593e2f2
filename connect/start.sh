# Starts the worker, in its container and on the embedded stack. Arguments are options of the JVM. REST_LOGIN is the login of
# its REST interface, NAME=PASSWORD. Kafka has the settings of the services: KAFKA_SASL_MECHANISM with KAFKA_USERNAME and
# KAFKA_PASSWORD or the KAFKA_OAUTH_ settings; KAFKA_CA_FILE, KAFKA_CERT_FILE and KAFKA_KEY_FILE. Passwords are written to
# files and removed from the environment, because a connector can name its variables.
set -eu
umask 077
here=$(cd "$(dirname "$0")" && pwd)
state=${CONNECT_STATE:-/tmp}
case "${REST_LOGIN:-}" in ?*=?*) ;; *) echo 'REST_LOGIN must be NAME=PASSWORD' >&2; exit 1 ;; esac
printf '%s\n' "$REST_LOGIN" > "$state/connect.users"
unset REST_LOGIN
printf 'KafkaConnect {\n  %s required file="%s";\n};\n' \
  org.apache.kafka.connect.rest.basic.auth.extension.PropertyFileLoginModule "$state/connect.users" > "$state/connect.jaas"
cp "${CONNECT_PROPERTIES:-$here/worker.properties}" "$state/connect.properties"
# Sets a property of the worker, and of the producers, consumers and admin clients that it makes.
set_property() { for whose in '' producer. consumer. admin.; do printf '\n%s%s=%s\n' "$whose" "$1" "$2" >> "$state/connect.properties"; done; }

security=org.apache.kafka.common.security
quoted() { printf '"%s"' "$(printf %s "$1" | sed 's/[\\"]/\\&/g')"; }
login() { printf 'KafkaClient { %s required %s=%s %s=%s%s; };\n' "$1" "$2" "$(quoted "$3")" "$4" "$(quoted "$5")" "$6" >> "$state/connect.jaas"; }
case "${KAFKA_SASL_MECHANISM:-}" in
  OAUTHBEARER)
    login $security.oauthbearer.OAuthBearerLoginModule clientId "$KAFKA_OAUTH_CLIENT_ID" clientSecret "$KAFKA_OAUTH_CLIENT_SECRET" \
      "${KAFKA_OAUTH_SCOPE:+ scope=$(quoted "${KAFKA_OAUTH_SCOPE:-}")}"
    set_property sasl.login.callback.handler.class $security.oauthbearer.OAuthBearerLoginCallbackHandler
    set_property sasl.oauthbearer.token.endpoint.url "$KAFKA_OAUTH_TOKEN_URL"
    # Kafka's clients use only token endpoints that this property lists.
    set -- "$@" "-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls=$KAFKA_OAUTH_TOKEN_URL" ;;
  PLAIN) login $security.plain.PlainLoginModule username "$KAFKA_USERNAME" password "$KAFKA_PASSWORD" '' ;;
  SCRAM-*) login $security.scram.ScramLoginModule username "$KAFKA_USERNAME" password "$KAFKA_PASSWORD" '' ;;
esac
unset KAFKA_PASSWORD KAFKA_OAUTH_CLIENT_SECRET
if [ -n "${KAFKA_CA_FILE:-}" ]; then
  set_property ssl.truststore.type PEM
  set_property ssl.truststore.location "$KAFKA_CA_FILE"
fi
if [ -n "${KAFKA_CERT_FILE:-}" ]; then
  # Java reads key and certificate from one file.
  cat "$KAFKA_KEY_FILE" "$KAFKA_CERT_FILE" > "$state/connect.pem"
  set_property ssl.keystore.type PEM
  set_property ssl.keystore.location "$state/connect.pem"
fi
# How the connector verifies Postgres. By default as Debezium does: not at all.
export CDC_DATABASE_SSLMODE="${CDC_DATABASE_SSLMODE:-prefer}" CDC_DATABASE_SSLROOTCERT="${CDC_DATABASE_SSLROOTCERT:-}"
# health.sh reads it. exec keeps the process id.
echo $$ > "$state/connect.pid"
# The worker's own provider is named in worker.properties; no client may name others (CVE-2024-31141).
exec "${JAVA:-java}" -XX:+UseSerialGC "$@" "-Dlog4j2.configurationFile=${CONNECT_LOGGING:-$here/log4j2.yaml}" \
  "-Djava.security.auth.login.config=$state/connect.jaas" \
  -Dorg.apache.kafka.automatic.config.providers=org.apache.kafka.common.config.provider.EnvVarConfigProvider \
  -cp "${CONNECT_JARS:-$here/kafka/*}" org.apache.kafka.connect.cli.ConnectDistributed "$state/connect.properties"
