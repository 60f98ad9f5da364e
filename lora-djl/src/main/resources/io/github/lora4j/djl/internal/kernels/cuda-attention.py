# Memory-efficient attention of libtorch on CUDA, both ways, without a matrix of scores. Its kernels take a bias only as a matrix, so one that
# depends on the key alone goes into the width of the heads: q' = [q, c, c, c, 0...], k' = [k, b1, b2, b3, 0...] with c (b1 + b2 + b3) = bias / scale.
# Three numbers of a half type hold what one of fp32 does; c keeps them in the range of fp16; eight more columns keep rows aligned.

def cuda_attention_present(self: __torch__.K) -> bool:
  return True

def cuda_attend(self: __torch__.K, q: Tensor, k: Tensor, v: Tensor, bias: Tensor, causal: bool) -> Tuple[Tensor, Tensor]:
  scale = self.scale_of(q)
  o, lse, _seed, _offset = torch._scaled_dot_product_efficient_attention(self.folded_queries(q), self.folded_keys(k, bias, scale), v, None, True, 0.0, causal, scale=scale)
  return o, lse.narrow(2, 0, q.size(2))  # the kernel pads it to a multiple of 32

def cuda_attend_backward(self: __torch__.K, do: Tensor, q: Tensor, k: Tensor, v: Tensor, o: Tensor, lse: Tensor, bias: Tensor, causal: bool) -> Tuple[Tensor, Tensor, Tensor]:
  scale = self.scale_of(q)
  queries = q.size(2)
  padded = torch.full([1, q.size(1), (queries + 31) // 32 * 32], inf, dtype=6, layout=None, device=q.device)
  padded.narrow(2, 0, queries).copy_(lse)
  seed = torch.zeros([1], dtype=4, layout=None, device=torch.device("cpu"))  # of a dropout that there is none of
  mask = 1 if causal else 0
  # its layout is (1, T, H, D/H)
  dq, dk, dv, _dbias = torch._efficient_attention_backward(do.transpose(1, 2), self.folded_queries(q).transpose(1, 2), self.folded_keys(k, bias, scale).transpose(1, 2), v.transpose(1, 2), None, o.transpose(1, 2), None, None, queries, k.size(2), padded, 0.0, seed, seed, mask, False, scale=scale, num_splits_key=None, window_size=None, shared_storage_dqdkdv=False)
  width = q.size(3)
  return dq.transpose(1, 2).narrow(3, 0, width), dk.transpose(1, 2).narrow(3, 0, width), dv.transpose(1, 2)

# Whether both ways agree with the plain path on this device, causal and not, in a type.
def cuda_attention_agrees(self: __torch__.K, device: str, dtype: int) -> bool:
  heads = 3
  tokens = 45
  values = torch.arange(0, 4 * heads * tokens * 64, dtype=6, layout=None, device=torch.device(device)).mul_(0.7).sin_().to(dtype)
  z = values.view([4, 1, heads, tokens, 64])
  slopes = torch.tensor([0.5, 0.0625, 0.0078125], dtype=6, device=torch.device(device))
  bias = self.alibi_bias(slopes, tokens)
  limit = 0.001 if dtype == 6 else 0.03
  agrees = True
  for causal in [True, False]:
    o, lse = self.plain_attend(z[0], z[1], z[2], bias, causal)
    o2, lse2 = self.cuda_attend(z[0], z[1], z[2], bias, causal)
    dq, dk, dv = self.plain_attend_backward(z[3], z[0], z[1], z[2], o, lse, bias, causal)
    dq2, dk2, dv2 = self.cuda_attend_backward(z[3], z[0], z[1], z[2], o, lse, bias, causal)
    for plain, fused in [(o, o2), (lse, lse2), (dq, dq2), (dk, dk2), (dv, dv2)]:
      far = float((plain.to(6) - fused.to(6)).abs().max())
      agrees = agrees and far <= limit * float(plain.to(6).abs().max())
  return agrees
