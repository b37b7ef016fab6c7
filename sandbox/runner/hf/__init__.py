"""Kind `model`: a Hugging Face folder answers the requests.

`splitting`, `packing` and `batching` are pure; the others import PyTorch and transformers when they are imported.
"""
