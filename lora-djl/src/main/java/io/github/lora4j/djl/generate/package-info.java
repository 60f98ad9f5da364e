/** Generation of text: greedy or sampled, streamed or in batches with an adapter per row. */
@NullMarked
package io.github.lora4j.djl.generate;

import org.jspecify.annotations.NullMarked;
