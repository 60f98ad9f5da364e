package io.github.lora4j;

/**
 * Figures of a pool at one moment. The first five are of the moment, the others count from its
 * start.
 *
 * @param resident adapters in memory, those that wait for their last lease included
 * @param bytes native memory that they hold, with what is reserved for those being loaded
 * @param budget bytes that they may hold
 * @param inUse adapters that are leased
 * @param pinned ids that are pinned
 * @param hits requests that found their adapter resident
 * @param misses requests that did not: they loaded it, waited for it, or were refused
 * @param loads adapters that were loaded
 * @param failures loads that failed
 * @param evictions adapters that left
 * @since 0.1.0
 */
public record AdapterPoolSnapshot(
    int resident,
    long bytes,
    long budget,
    int inUse,
    int pinned,
    long hits,
    long misses,
    long loads,
    long failures,
    long evictions) {}
