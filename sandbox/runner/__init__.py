"""What runs inside the sandbox: reads a job and requests, asks the submission, writes its responses.

Only the standard library is imported here; PyTorch and transformers only once a job of kind `model` is answered.
"""
