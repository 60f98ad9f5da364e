"""The tiny models of every family: what their configurations say besides the special tokens. Shapes are awkward on purpose."""

COMMON = {"vocab_size": 101, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "max_position_embeddings": 64}
GATED = COMMON | {"intermediate_size": 44, "num_key_value_heads": 2}
WIDE = GATED | {"vocab_size": 107, "hidden_size": 30, "num_attention_heads": 3, "num_key_value_heads": 1, "head_dim": 12, "intermediate_size": 38}
LLAMA3 = {"rope_type": "llama3", "rope_theta": 10000.0, "factor": 4.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
          "original_max_position_embeddings": 16}
YARN = {"rope_type": "yarn", "rope_theta": 10000.0, "factor": 4.0, "original_max_position_embeddings": 16}
DYNAMIC = {"rope_type": "dynamic", "rope_theta": 10000.0, "factor": 2.0}
LINEAR = {"rope_type": "linear", "rope_theta": 10000.0, "factor": 3.0}
HALF = 3
NO_DROPOUT = {"embd_pdrop": 0.0, "attn_pdrop": 0.0, "resid_pdrop": 0.0}
LONG = {"rope_type": "longrope", "rope_theta": 10000.0, "partial_rotary_factor": 0.5, "original_max_position_embeddings": 10,
        "short_factor": [1.0 + 0.1 * i for i in range(HALF)], "long_factor": [2.0 + i for i in range(HALF)]}

SHAPES = {
    "llama": {
        "grouped": GATED | {"tie_word_embeddings": False},
        "biased-llama3-rope": WIDE | {"tie_word_embeddings": True, "attention_bias": True, "mlp_bias": True, "rope_parameters": LLAMA3},
        "dynamic-rope": GATED | {"max_position_embeddings": 10, "rope_parameters": DYNAMIC},
    },
    "mistral": {
        "window": GATED | {"sliding_window": 5},
        "wide-heads": WIDE | {"sliding_window": None, "tie_word_embeddings": True, "rope_parameters": {"rope_type": "default", "rope_theta": 1000000.0}},
    },
    "qwen2": {
        "tied": GATED | {"tie_word_embeddings": True},
        "window-yarn": GATED | {"use_sliding_window": True, "sliding_window": 5, "max_window_layers": 1, "rope_parameters": YARN, "vocab_size": 107},
    },
    "qwen3": {
        "tied": WIDE | {"tie_word_embeddings": True},
        "biased": GATED | {"head_dim": 10, "attention_bias": True, "tie_word_embeddings": False, "rope_parameters": YARN},
    },
    "gpt2": {
        "plain": NO_DROPOUT | {"vocab_size": 101, "n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 64},
        "inverse-layers": NO_DROPOUT | {"vocab_size": 107, "n_embd": 30, "n_layer": 3, "n_head": 3, "n_positions": 40, "n_inner": 50, "activation_function": "relu",
                           "scale_attn_by_inverse_layer_idx": True},
    },
    "gpt_neox": {
        "parallel": COMMON | {"intermediate_size": 50, "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0, "partial_rotary_factor": 0.25}},
        "sequential": COMMON | {"vocab_size": 107, "hidden_size": 36, "num_attention_heads": 3, "intermediate_size": 40, "use_parallel_residual": False,
                                "attention_bias": False, "tie_word_embeddings": True, "hidden_act": "gelu_new",
                                "rope_parameters": LINEAR | {"partial_rotary_factor": 0.5}},
    },
    "opt": {
        "pre-norm": COMMON | {"dropout": 0.0, "ffn_dim": 50, "word_embed_proj_dim": 32, "do_layer_norm_before": True},
        "post-norm-projected": COMMON | {"dropout": 0.0, "vocab_size": 107, "hidden_size": 36, "num_attention_heads": 3, "ffn_dim": 44, "word_embed_proj_dim": 20,
                                         "do_layer_norm_before": False, "max_position_embeddings": 40},
    },
    "phi": {
        "plain": COMMON | {"intermediate_size": 50, "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0, "partial_rotary_factor": 0.5}},
        "tied-grouped": COMMON | {"vocab_size": 107, "hidden_size": 40, "num_key_value_heads": 2, "intermediate_size": 44, "hidden_act": "gelu",
                                  "tie_word_embeddings": True, "rope_parameters": LINEAR | {"partial_rotary_factor": 0.4}},
    },
    "phi3": {
        "window": GATED | {"sliding_window": 5},
        "longrope": {k: v for k, v in WIDE.items() if k != "head_dim"} | {"hidden_size": 36, "sliding_window": None, "tie_word_embeddings": True, "rope_parameters": LONG,
                            "original_max_position_embeddings": 10},
    },
    "gemma2": {
        "capped": GATED | {"head_dim": 10, "query_pre_attn_scalar": 20, "sliding_window": 5, "attn_logit_softcapping": 2.0,
                           "final_logit_softcapping": 3.0, "num_hidden_layers": 3},
        "one-key-head": WIDE | {"query_pre_attn_scalar": 12, "sliding_window": 40, "attn_logit_softcapping": None, "final_logit_softcapping": None},
    },
    "gemma3_text": {
        "local-and-global": GATED | {"head_dim": 10, "query_pre_attn_scalar": 10, "sliding_window": 5, "num_hidden_layers": 3,
                                     "layer_types": ["sliding_attention", "full_attention", "sliding_attention"]},
        "scaled": WIDE | {"query_pre_attn_scalar": 9, "sliding_window": 6, "layer_types": ["sliding_attention", "full_attention"],
                          "rope_parameters": {"full_attention": LINEAR, "sliding_attention": {"rope_type": "default", "rope_theta": 500.0}}},
    },
    "falcon": {
        "new": COMMON | {"new_decoder_architecture": True, "num_kv_heads": 2, "bias": False, "alibi": False},
        "multi-query": COMMON | {"vocab_size": 107, "hidden_size": 36, "num_attention_heads": 3, "multi_query": True, "parallel_attn": True,
                                 "new_decoder_architecture": False, "bias": False, "alibi": False},
        "alibi": COMMON | {"hidden_size": 36, "num_attention_heads": 3, "multi_query": False, "parallel_attn": False, "new_decoder_architecture": False,
                           "bias": True, "alibi": True},
    },
}
