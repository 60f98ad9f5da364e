/** BLOOM (Le Scao et al. 2022). */
@NullMarked
package io.github.lora4j.djl.model.bloom;

import org.jspecify.annotations.NullMarked;
