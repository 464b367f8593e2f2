"""Reads one record as a client of another language would: BROKER REGISTRY TOPIC ID -> the event as JSON.

The registry's login is in REGISTRY_USERNAME and REGISTRY_PASSWORD, Kafka's in KAFKA_SASL_MECHANISM, KAFKA_USERNAME and KAFKA_PASSWORD.

Nothing of the project is used: the wire format and the registry's API alone.
"""
import base64
import io
import json
import os
import struct
import sys
import time
import urllib.request

import fastavro
from confluent_kafka import Consumer

broker, registry, topic, wanted = sys.argv[1:5]
login = base64.b64encode(f"{os.environ['REGISTRY_USERNAME']}:{os.environ['REGISTRY_PASSWORD']}".encode()).decode()
consumer = Consumer({
    "bootstrap.servers": broker,
    "security.protocol": "SASL_PLAINTEXT",
    "sasl.mechanism": os.environ["KAFKA_SASL_MECHANISM"],
    "sasl.username": os.environ["KAFKA_USERNAME"],
    "sasl.password": os.environ["KAFKA_PASSWORD"],
    "group.id": f"python-{wanted}",
    "auto.offset.reset": "earliest",
    "enable.auto.commit": False,
})
consumer.subscribe([topic])
deadline = time.monotonic() + 40
while time.monotonic() < deadline:
    message = consumer.poll(1)
    if message is None or message.error() or (("id", wanted.encode()) not in (message.headers() or [])):
        continue
    magic, schema_id = struct.unpack(">bI", message.value()[:5])
    assert magic == 0, magic
    request = urllib.request.Request(f"{registry}/schemas/ids/{schema_id}", headers={"Authorization": f"Basic {login}"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        schema = fastavro.parse_schema(json.loads(json.load(answer)["schema"]))
    event = fastavro.schemaless_reader(io.BytesIO(message.value()[5:]), schema, None)
    print(json.dumps({"key": message.key().decode(), "schemaId": schema_id, "event": event}, default=str))
    sys.exit(0)
sys.exit("the record did not come")
