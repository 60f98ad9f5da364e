/**
 * The hub of models: Hugging Face's, or one that speaks as it does. Downloads into the cache that
 * Python tools on the same machine share, uploads, and works offline from what is there.
 */
@NullMarked
package io.github.lora4j.hub;

import org.jspecify.annotations.NullMarked;
