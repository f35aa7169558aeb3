"""The one error that users see."""


class CheckpointError(Exception):
    """Something about a file that the user can mend: names the file, the sizes and the remedy."""


def printable(text, longest=80):
    """Text of an untrusted file for a message: quoted, control characters escaped, shortened."""
    text = str(text)
    shown = "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode() for c in text[:longest]
    )
    return "'" + shown + ("...'" if len(text) > longest else "'")
