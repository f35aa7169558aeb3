"""Parts of docs/results.md: tables, and where their numbers come from."""


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return lines + ["| " + " | ".join(row) + " |" for row in rows] + [""]


def origin(result, *commands_before):
    """Machine and commit, and the commands that led to the result."""
    machine = result["machine"]
    return [
        f"{machine['cpu']}, {machine['cores']} cores, {machine['isa'].upper()}; "
        f"commit {result['commit'][:10]}",
        "",
        *(f"    {command}" for command in (*commands_before, result["command"])),
        "",
    ]
