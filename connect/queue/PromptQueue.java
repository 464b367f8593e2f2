package outbox;

import io.debezium.config.CommonConnectorConfig;
import io.debezium.config.Configuration;
import io.debezium.connector.base.QueueProvider;
import java.util.ArrayDeque;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.locks.LockSupport;

/**
 * The queue between the thread that reads the slot and the thread that hands records to Kafka Connect. Hands over what
 * is there at once; chosen by {@code queue.provider.type=prompt}.
 *
 * <p>Debezium's own queue (ChangeEventQueue, 3.7) hands a batch over only when {@code max.batch.size} records are
 * waiting or {@code poll.interval.ms} has passed, and spins for the last millisecond of each interval while it holds
 * the lock. It asks its provider for the size at known moments, all under its lock. The answers given here end both:
 *
 * <ul>
 *   <li>to the writer, right after it added a record: a full batch, so that it wakes the reader;
 *   <li>to the reader, right after it took records: a full queue, so that it returns them;
 *   <li>to a reader that asks again and again: the true size, after a short pause.
 * </ul>
 *
 * Any other question, for instance a metric's, gets the true size. Held to ChangeEventQueue itself by PromptQueueCheck.
 */
public class PromptQueue<T> implements QueueProvider<T> {

    /** One question comes at the start of a poll and two more before it waits. More in a row are a spin. */
    private static final int QUESTIONS_OF_A_POLL = 3;
    private static final long IN_A_ROW_NANOS = 100_000;
    private static final long PAUSE_NANOS = 250_000;

    private final Queue<T> queue = new ArrayDeque<>();
    private int batchSize;
    private volatile int size;
    /** The thread that added a record and has not asked for the size since; the same for one that took. */
    private Thread added;
    private Thread took;
    private Thread reader;
    private int questions;
    private long askedAt;

    @Override
    public String name() {
        return "prompt";
    }

    @Override
    public void configure(Map<String, ?> properties) {
        batchSize = Configuration.from(properties).getInteger(CommonConnectorConfig.MAX_BATCH_SIZE);
    }

    @Override
    public void enqueue(T record) {
        queue.add(record);
        size = queue.size();
        added = Thread.currentThread();
    }

    @Override
    public T poll() {
        T record = queue.poll();
        size = queue.size();
        took = reader = Thread.currentThread();
        return record;
    }

    @Override
    public int size() {
        Thread asking = Thread.currentThread();
        if (asking == added) {
            added = null;
            return Math.max(size, batchSize);
        }
        if (asking == took) {
            took = null;
            questions = 0;
            return Integer.MAX_VALUE;
        }
        if (asking == reader && size == 0) pauseInSpin();
        return size;
    }

    private void pauseInSpin() {
        questions = System.nanoTime() - askedAt < IN_A_ROW_NANOS ? questions + 1 : 1;
        if (questions > QUESTIONS_OF_A_POLL) LockSupport.parkNanos(PAUSE_NANOS);
        askedAt = System.nanoTime();
    }
}
