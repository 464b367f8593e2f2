import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Logs as a worker does that fails in a loop: without a pause, for so many seconds. Tells on stderr how many lines it tried. */
class LogStorm {
    public static void main(String[] arguments) {
        Logger log = LoggerFactory.getLogger(LogStorm.class);
        long until = System.nanoTime() + Long.parseLong(arguments[0]) * 1_000_000_000L;
        long tried = 0;
        for (; System.nanoTime() < until; tried++) log.error("no offsets topic", new IllegalStateException("it was deleted"));
        System.err.println(tried);
    }
}
