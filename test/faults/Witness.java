import java.io.PrintStream;
import java.io.FileInputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * Reads Kafka with another client than the product's and without code of the product. Read committed, from the first
 * record to the end at the time of the start. Prints one line per finding, fields separated by tabs:
 *
 *   E partition offset appended-at key header-id resends value-sha event-id zap metadata-sha op
 *   C group partition offset committed-at
 *   L topic                        (a line of the secrets file was found in a record)
 *
 * Usage: java -cp 'jars/kafka/*' Witness.java client.properties secrets.txt EVENT_TOPIC OTHER_TOPIC…
 */
public class Witness {
    static final PrintStream out = new PrintStream(new java.io.FileOutputStream(java.io.FileDescriptor.out), false);
    static final Pattern OP = Pattern.compile("op~\\d+~\\d+~\\d+~");

    public static void main(String[] arguments) throws Exception {
        Properties client = new Properties();
        try (FileInputStream file = new FileInputStream(arguments[0])) {
            client.load(file);
        }
        client.put("isolation.level", "read_committed");
        client.put("enable.auto.commit", "false");
        List<byte[]> secrets = new ArrayList<>();
        for (String line : Files.readAllLines(Path.of(arguments[1]))) if (!line.isBlank()) secrets.add(line.strip().getBytes(StandardCharsets.UTF_8));
        Set<String> leaks = new HashSet<>();
        try (KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(client, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            String events = arguments[2];
            dump(consumer, events, record -> {
                event(record);
                look(record, secrets, leaks);
            });
            dump(consumer, "__consumer_offsets", record -> commit(record, events));
            for (int at = 3; at < arguments.length; at += 1) dump(consumer, arguments[at], record -> look(record, secrets, leaks));
        }
        for (String topic : leaks) out.println("L\t" + topic);
        out.flush();
        if (out.checkError()) System.exit(1);
    }

    static void dump(KafkaConsumer<byte[], byte[]> consumer, String topic, Consumer<ConsumerRecord<byte[], byte[]>> each) {
        List<TopicPartition> partitions = new ArrayList<>();
        consumer.partitionsFor(topic).forEach(info -> partitions.add(new TopicPartition(topic, info.partition())));
        consumer.assign(partitions);
        consumer.seekToBeginning(partitions);
        // With read committed: the last stable offset.
        Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
        long giveUp = System.nanoTime() + Duration.ofMinutes(10).toNanos();
        while (ends.entrySet().stream().anyMatch(end -> consumer.position(end.getKey()) < end.getValue())) {
            consumer.poll(Duration.ofMillis(500)).forEach(each);
            if (System.nanoTime() > giveUp) throw new IllegalStateException(topic + " cannot be read to its end");
        }
    }

    static void event(ConsumerRecord<byte[], byte[]> record) {
        ByteBuffer value = ByteBuffer.wrap(record.value());
        value.position(5); // The magic byte and the schema's id.
        String id = utf8(bytes(value));
        String zap = utf8(bytes(value)) + "/" + utf8(bytes(value));
        varint(value); // receivedAt
        byte[] metadata = bytes(value);
        Matcher op = OP.matcher(utf8(metadata));
        print("E", record.partition(), record.offset(), record.timestamp(), utf8(record.key()), header(record, "id"), header(record, "resends"),
            sha(record.value()), id, zap, sha(metadata), op.find() ? op.group() : "");
    }

    static String header(ConsumerRecord<byte[], byte[]> record, String name) {
        Header header = record.headers().lastHeader(name);
        return header == null || header.value() == null ? "" : utf8(header.value());
    }

    /** Keys of versions 0 and 1 are positions; their values begin with a version and the offset. */
    static void commit(ConsumerRecord<byte[], byte[]> record, String events) {
        ByteBuffer key = ByteBuffer.wrap(record.key());
        if (key.getShort() > 1 || record.value() == null) return;
        String group = shortString(key);
        if (!shortString(key).equals(events)) return;
        print("C", group, key.getInt(), ByteBuffer.wrap(record.value()).getLong(2), record.timestamp());
    }

    static void look(ConsumerRecord<byte[], byte[]> record, List<byte[]> secrets, Set<String> leaks) {
        if (record.value() == null) return;
        String text = new String(record.value(), StandardCharsets.ISO_8859_1);
        for (byte[] secret : secrets) if (text.contains(new String(secret, StandardCharsets.ISO_8859_1))) leaks.add(record.topic());
    }

    static void print(Object... fields) {
        StringBuilder line = new StringBuilder();
        for (Object field : fields) line.append(line.isEmpty() ? "" : "\t").append(field);
        out.println(line);
    }

    /** Avro's zigzag. */
    static long varint(ByteBuffer from) {
        long all = 0;
        for (int shift = 0;; shift += 7) {
            byte next = from.get();
            all |= (long) (next & 0x7f) << shift;
            if (next >= 0) return (all >>> 1) ^ -(all & 1);
        }
    }

    static byte[] bytes(ByteBuffer from) {
        byte[] all = new byte[(int) varint(from)];
        from.get(all);
        return all;
    }

    static String shortString(ByteBuffer from) {
        byte[] all = new byte[from.getShort()];
        from.get(all);
        return utf8(all);
    }

    static String utf8(byte[] bytes) {
        return bytes == null ? "" : new String(bytes, StandardCharsets.UTF_8);
    }

    static String sha(byte[] bytes) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
        } catch (java.security.NoSuchAlgorithmException impossible) {
            throw new IllegalStateException(impossible);
        }
    }
}
