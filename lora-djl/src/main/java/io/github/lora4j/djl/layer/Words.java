package io.github.lora4j.djl.layer;

/**
 * Where the words of a model stand.
 *
 * @param embedding path of the embedding
 * @param head path of the map onto the vocabulary
 * @param tied whether the head's matrix is the embedding's table
 */
public record Words(String embedding, String head, boolean tied) {}
