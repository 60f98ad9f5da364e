package io.github.lora4j.djl.model;

import io.github.lora4j.djl.layer.Activation;

/**
 * An activation as a configuration names it: several names may mean one function, and PyTorch
 * prints another class for each.
 *
 * @param function what is computed
 * @param type the class that the tree prints
 */
public record ActivationSetting(Activation function, String type) {}
