"""Functions with which shells complete the commands, made of the tables of their options."""

from commands import PROGRAM, REPLAY, TWISTD_WS

__all__ = ["completions"]

MADE = "# python docs/manuals.py has made this file."
FILES = {"FILE"}
FOLDERS = {"DIRECTORY"}


def completions():
    """Return the text of each file, by its name."""
    return {
        "twistd.bash": bash_twistd(),
        "txws2.bash": bash_program(),
        "_txws2": zsh_program(),
        "twistd.fish": fish_twistd(),
        "txws2.fish": fish_program(),
    }


def names(command):
    """Return all names of options."""
    return [name for entry in command.options for name in entry.names]


def last_word(entry):
    """Return the part of a value that is completed: that behind a path."""
    return entry.value.rpartition("]")[2] or entry.value


def of_kind(command, kinds):
    """Return the names of the options whose values are files, or directories."""
    return [name for each in command.options if last_word(each) in kinds for name in each.names]


def bash_values(*commands):
    """Return the cases of a value behind an option."""
    cases, seen = [], set()
    for command in commands:
        for entry in command.options:
            action = (
                "compgen -f"
                if last_word(entry) in FILES
                else "compgen -d"
                if last_word(entry) in FOLDERS
                else f"compgen -W '{' '.join(entry.choices)}'"
                if entry.choices
                else None
            )
            new = [name for name in entry.names if name not in seen]
            seen.update(new)
            if not entry.value or not new:
                continue
            reply = f'mapfile -t COMPREPLY < <({action} -- "$word")' if action else ":"
            cases.append((reply, new))
    grouped = {}
    for reply, new in cases:
        grouped.setdefault(reply, []).extend(new)
    return "".join(
        f"        {'|'.join(found)}) {reply}; return ;;\n" for reply, found in grouped.items()
    )


def bash_twistd():
    """Return the function for twistd in bash; it completes only what follows ws."""
    return f"""{MADE}
_txws2_twistd() {{
    local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}}
    local IFS=$' \\t\\n' each ws=
    for each in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
        [[ $each == ws ]] && ws=1
    done
    if [[ -z $ws ]]; then
        mapfile -t COMPREPLY < <(compgen -W "ws" -- "$word")
        return
    fi
    case $before in
{bash_values(TWISTD_WS)}    esac
    mapfile -t COMPREPLY < <(compgen -W "{" ".join(["--help", *names(TWISTD_WS)])}" -- "$word")
}}
complete -o bashdefault -o default -F _txws2_twistd twistd
"""


def bash_program():
    """Return the function for txws2 in bash."""
    return f"""{MADE}
_txws2() {{
    local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}}
    local IFS=$' \\t\\n' options="{" ".join(names(PROGRAM))}"
    [[ ${{COMP_WORDS[1]}} == replay ]] && options="{" ".join(names(REPLAY))}"
    case $before in
{bash_values(PROGRAM, REPLAY)}        replay)
            mapfile -t COMPREPLY < <(compgen -f -- "$word")
            return ;;
    esac
    ((COMP_CWORD == 1)) && options+=" replay"
    mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word")
}}
complete -o bashdefault -F _txws2 txws2
"""


def zsh_program():
    """Return the function for txws2 in zsh."""
    return f"""#compdef txws2
{MADE}
if [[ $words[2] == replay ]]; then
    _arguments -s \\
{zsh_options(REPLAY)}        '1:command:(replay)' '2:recording:_files' '3:URI:'
else
    _arguments -s \\
{zsh_options(PROGRAM)}        '1:URI:(replay ws\\:// wss\\://)'
fi
"""


def zsh_options(command):
    """Return the lines for _arguments."""
    return "".join(
        f"        '*{name}[{zsh_words(entry)}]{zsh_value(entry)}' \\\n"
        for entry in command.options
        for name in entry.names
    )


def zsh_value(entry):
    """Return the part for a value."""
    kind = last_word(entry)
    action = "_files" if kind in FILES else "_directories" if kind in FOLDERS else ""
    return f":{kind.replace(':', ' ')}:{action}" if entry.value else ""


def zsh_words(entry):
    """Return the words within brackets and single quotes."""
    words = entry.words.partition(";")[0]
    for character in "\\[]:":
        words = words.replace(character, f"\\{character}")
    return words.replace("'", "'\\''")


def fish_twistd():
    """Return the commands for twistd in fish."""
    seen = "__fish_seen_subcommand_from ws"
    lines = [f"complete -c twistd -n 'not {seen}' -a ws -d {fish_quoted('WebSockets')}"]
    return "\n".join([MADE, *lines, *fish_options(TWISTD_WS, "twistd", seen)]) + "\n"


def fish_program():
    """Return the commands for txws2 in fish."""
    replays = "__fish_seen_subcommand_from replay"
    lines = [
        "complete -c txws2 -n '__fish_is_first_arg' -a replay "
        f"-d {fish_quoted(REPLAY.first.partition(':')[0].replace(chr(10), ' '))}"
    ]
    lines += fish_options(PROGRAM, "txws2", f"not {replays}")
    lines += fish_options(REPLAY, "txws2", replays)
    return "\n".join([MADE, *lines]) + "\n"


def fish_options(command, program, condition):
    """Generate a line for each option."""
    for entry in command.options:
        spelt = [f"-s {n[1:]}" if len(n) == 2 else f"-l {n[2:]}" for n in entry.names]
        kind = last_word(entry)
        value = "" if not entry.value else " -r" if kind in FILES | FOLDERS else " -x"
        if kind in FOLDERS:
            value += " -a '(__fish_complete_directories)'"
        if entry.choices:
            value += f" -a {fish_quoted(' '.join(entry.choices))}"
        words = fish_quoted(entry.words.partition(";")[0].replace("\n", " "))
        yield f"complete -c {program} -n '{condition}' {' '.join(spelt)}{value} -d {words}"


def fish_quoted(text):
    """Return a text in single quotes."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
