"""The sandbox's errors: ours (engine, images) and theirs (a submission that failed) are different classes."""


class SandboxError(Exception):
    """Ours: something the people who run the platform have to mend; never charged to a team."""


class SandboxUnavailable(SandboxError):
    """The engine does not answer or refused; the sentence says how to mend it."""


class VolumeBusy(SandboxUnavailable):
    """Another worker is unpacking the submission on this host; it will be there in a moment."""


class ImageMissing(SandboxError):
    """A sandbox image is not on this engine; the sentence holds the command that builds it."""


class ImageBuildFailed(SandboxError):
    """An image could not be built; the sentence says why and what to do."""


class ImageRefused(SandboxError):
    """An image's archive does not hold the image that was asked for, or more than it; nothing of it is used."""


class CollectFailed(SandboxError):
    """Our own collector ended in an unforeseen way; the responses were not read."""


class SubmissionFailed(Exception):
    """Theirs: the submission did not do what the rules ask; `code` and `message` may be shown to the team."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        self.message = message
        super().__init__(f"{code} {message}")
