"""The shapes of models: their tensors, their configuration, and the linear maps that adapters are put beside."""
from dataclasses import dataclass

from transformers import BloomConfig, LlamaConfig


def norm(path, width):
    yield path + ".weight", (width,), "one"
    yield path + ".bias", (width,), "zero"


def linear(path, rows, columns):
    yield path + ".weight", (rows, columns), "matrix"
    yield path + ".bias", (rows,), "zero"


def small(shape, layers, vocabulary):
    """The shape, or a smaller one of another name."""
    layers, vocabulary = layers or shape.layers, vocabulary or shape.vocabulary
    if (layers, vocabulary) == (shape.layers, shape.vocabulary):
        return shape
    return shape.replaced(f"{shape.name}-{layers}-layers-{vocabulary}", layers, vocabulary)


@dataclass(frozen=True)
class Bloom:
    name: str
    hidden: int
    layers: int
    heads: int
    vocabulary: int

    def replaced(self, name, layers, vocabulary):
        return Bloom(name, self.hidden, layers, self.heads, vocabulary)

    def tensors(self):
        """Name, shape and kind of every tensor, in the order of the file."""
        h = self.hidden
        yield "transformer.word_embeddings.weight", (self.vocabulary, h), "matrix"
        yield from norm("transformer.word_embeddings_layernorm", h)
        for i in range(self.layers):
            path = f"transformer.h.{i}."
            yield from norm(path + "input_layernorm", h)
            yield from linear(path + "self_attention.query_key_value", 3 * h, h)
            yield from linear(path + "self_attention.dense", h, h)
            yield from norm(path + "post_attention_layernorm", h)
            yield from linear(path + "mlp.dense_h_to_4h", 4 * h, h)
            yield from linear(path + "mlp.dense_4h_to_h", h, 4 * h)
        yield from norm("transformer.ln_f", h)

    def config(self, dtype):
        return BloomConfig(vocab_size=self.vocabulary, hidden_size=self.hidden, n_layer=self.layers, n_head=self.heads, bos_token_id=1, eos_token_id=2,
                           pad_token_id=3, architectures=["BloomForCausalLM"], dtype=dtype)

    def targets(self):
        """Path, input and output width of the maps that PEFT adapts by default."""
        for i in range(self.layers):
            yield f"transformer.h.{i}.self_attention.query_key_value", self.hidden, 3 * self.hidden


@dataclass(frozen=True)
class Llama:
    name: str
    hidden: int
    inner: int
    layers: int
    heads: int
    key_heads: int
    vocabulary: int

    def replaced(self, name, layers, vocabulary):
        return Llama(name, self.hidden, self.inner, layers, self.heads, self.key_heads, vocabulary)

    @property
    def keys(self):
        return self.hidden // self.heads * self.key_heads

    def tensors(self):
        h = self.hidden
        yield "model.embed_tokens.weight", (self.vocabulary, h), "matrix"
        for i in range(self.layers):
            path = f"model.layers.{i}."
            for name, rows, columns in (("self_attn.q_proj", h, h), ("self_attn.k_proj", self.keys, h), ("self_attn.v_proj", self.keys, h),
                                        ("self_attn.o_proj", h, h), ("mlp.gate_proj", self.inner, h), ("mlp.up_proj", self.inner, h),
                                        ("mlp.down_proj", h, self.inner)):
                yield f"{path}{name}.weight", (rows, columns), "matrix"
            yield path + "input_layernorm.weight", (h,), "one"
            yield path + "post_attention_layernorm.weight", (h,), "one"
        yield "model.norm.weight", (h,), "one"

    def config(self, dtype):
        return LlamaConfig(vocab_size=self.vocabulary, hidden_size=self.hidden, intermediate_size=self.inner, num_hidden_layers=self.layers,
                           num_attention_heads=self.heads, num_key_value_heads=self.key_heads, max_position_embeddings=131072, rms_norm_eps=1e-5,
                           tie_word_embeddings=True, bos_token_id=1, eos_token_id=2, pad_token_id=3, architectures=["LlamaForCausalLM"], dtype=dtype,
                           rope_parameters={"rope_type": "llama3", "rope_theta": 500000.0, "factor": 32.0, "low_freq_factor": 1.0,
                                            "high_freq_factor": 4.0, "original_max_position_embeddings": 8192})

    def targets(self):
        for i in range(self.layers):
            yield f"model.layers.{i}.self_attn.q_proj", self.hidden, self.hidden
            yield f"model.layers.{i}.self_attn.v_proj", self.hidden, self.keys


BLOOM_560M = Bloom("bloom-560m", 1024, 24, 16, 250880)
BLOOM_3B = Bloom("bloom-3b", 2560, 30, 32, 250880)
LLAMA_1B = Llama("llama-3.2-1b", 2048, 8192, 16, 32, 8, 128256)
