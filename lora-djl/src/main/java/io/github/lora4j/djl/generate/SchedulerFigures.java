package io.github.lora4j.djl.generate;

/**
 * What a scheduler has done and has to do, all at one moment. Every request that was taken is in
 * exactly one of the figures but the last two.
 *
 * @param waiting requests in the queue
 * @param running requests being generated
 * @param completed requests whose text came to its end
 * @param failed requests that ended with an exception of the model or of their reader
 * @param expired requests whose deadline passed, in the queue or while they ran
 * @param cancelled requests that their owner gave up
 * @param rejected requests that found the queue full and were never taken
 * @param tokens tokens generated, those of unfinished texts included
 * @since 0.1.0
 */
public record SchedulerFigures(
    int waiting,
    int running,
    long completed,
    long failed,
    long expired,
    long cancelled,
    long rejected,
    long tokens) {}
