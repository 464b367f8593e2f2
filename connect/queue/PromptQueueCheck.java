import io.debezium.config.CommonConnectorConfig;
import io.debezium.connector.base.ChangeEventQueue;
import io.debezium.pipeline.Sizeable;
import io.debezium.util.LoggingContext;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import outbox.PromptQueue;

/** Tests PromptQueue with Debezium's ChangeEventQueue. Prints one line per promise, and ends with 1 when one is broken. */
public class PromptQueueCheck {

    record Numbered(int number, long at) implements Sizeable {
        @Override
        public long objectSize() {
            return 100;
        }
    }

    static final int BATCH = 64;
    static boolean failed = false;

    public static void main(String[] args) throws Exception {
        handsOverAtOnce();
        keepsOrderAndLosesNothing();
        idlesWithoutSpinning();
        System.exit(failed ? 1 : 0);
    }

    static ChangeEventQueue<Numbered> queue(Duration pollInterval) {
        PromptQueue<Numbered> provider = new PromptQueue<>();
        provider.configure(Map.of(CommonConnectorConfig.MAX_BATCH_SIZE.name(), String.valueOf(BATCH)));
        return new ChangeEventQueue.Builder<Numbered>()
                .pollInterval(pollInterval)
                .maxBatchSize(BATCH)
                .maxQueueSize(4 * BATCH)
                .maxQueueSizeInBytes(1_000_000)
                .loggingContextSupplier(() -> LoggingContext.forConnector("check", "check", "check"))
                .queueProvider(provider)
                .build();
    }

    /** The interval is two seconds, so a record that waits for it is noticed. */
    static void handsOverAtOnce() throws Exception {
        ChangeEventQueue<Numbered> queue = queue(Duration.ofSeconds(2));
        Thread writer = write(queue, 20, 10);
        long slowest = 0;
        for (int seen = 0; seen < 20;) {
            for (Numbered record : queue.poll()) {
                slowest = Math.max(slowest, System.nanoTime() - record.at());
                seen += 1;
            }
        }
        writer.join();
        report("a record alone is handed over at once", slowest < 1_000_000_000L, slowest / 1000 + " µs at most");
    }

    static void keepsOrderAndLosesNothing() throws Exception {
        int count = 300_000;
        ChangeEventQueue<Numbered> queue = queue(Duration.ofMillis(5));
        Thread writer = write(queue, count, 0);
        int next = 0;
        int largest = 0;
        boolean inOrder = true;
        while (next < count && inOrder) {
            List<Numbered> batch = queue.poll();
            largest = Math.max(largest, batch.size());
            for (Numbered record : batch) inOrder &= record != null && record.number() == next++;
        }
        writer.join();
        report("every record comes once, in order", inOrder && next == count, next + " records");
        report("a batch holds no more than max.batch.size", largest <= BATCH, largest + " at most");
        report("nothing is left", queue.remainingCapacity() == 4 * BATCH, queue.remainingCapacity() + " of " + 4 * BATCH + " free");
    }

    /** Debezium's own queue uses about a fifth of a core here. */
    static void idlesWithoutSpinning() throws Exception {
        ChangeEventQueue<Numbered> queue = queue(Duration.ofMillis(5));
        write(queue, 1, 0).join();
        queue.poll();
        long began = System.nanoTime();
        long cpu = ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
        int polls = 0;
        while (System.nanoTime() - began < 2_000_000_000L) {
            queue.poll();
            polls += 1;
        }
        double share = 100.0 * (ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime() - cpu) / (System.nanoTime() - began);
        report("an idle poll does not spin", share < 5, String.format("%.1f %% of a core, %d polls in two seconds", share, polls));
    }

    static Thread write(ChangeEventQueue<Numbered> queue, int count, int pauseMs) {
        Thread writer = new Thread(() -> {
            try {
                for (int number = 0; number < count; number += 1) {
                    if (pauseMs > 0) Thread.sleep(pauseMs);
                    queue.enqueue(new Numbered(number, System.nanoTime()));
                }
            } catch (InterruptedException ended) {
                Thread.currentThread().interrupt();
            }
        });
        writer.start();
        return writer;
    }

    static void report(String promise, boolean kept, String measured) {
        failed |= !kept;
        System.out.println((kept ? "kept: " : "BROKEN: ") + promise + " (" + measured + ")");
    }
}
