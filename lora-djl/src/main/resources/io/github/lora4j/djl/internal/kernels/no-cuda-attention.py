# In the place of cuda-attention.py where libtorch knows its operators under other signatures.

def cuda_attention_present(self: __torch__.K) -> bool:
  return False

def cuda_attention_agrees(self: __torch__.K, device: str, dtype: int) -> bool:
  return False

def cuda_attend(self: __torch__.K, q: Tensor, k: Tensor, v: Tensor, bias: Tensor, causal: bool) -> Tuple[Tensor, Tensor]:
  return self.plain_attend(q, k, v, bias, causal)

def cuda_attend_backward(self: __torch__.K, do: Tensor, q: Tensor, k: Tensor, v: Tensor, o: Tensor, lse: Tensor, bias: Tensor, causal: bool) -> Tuple[Tensor, Tensor, Tensor]:
  return self.plain_attend_backward(do, q, k, v, o, lse, bias, causal)
