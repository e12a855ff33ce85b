"""Shell completion: what makes Tab complete commands and options."""

import click
from click.shell_completion import get_completion_class

from lockence_client.command_line import output


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Write the completion script of SHELL.

    \b
    bash:  lockence completion bash > ~/.local/share/bash-completion/completions/lockence
    zsh:   lockence completion zsh > "${fpath[1]}/_lockence"
    fish:  lockence completion fish > ~/.config/fish/completions/lockence.fish
    """
    command = click.get_current_context().find_root().command
    made = get_completion_class(shell)
    assert made is not None
    output.write(made(command, {}, "lockence", "_LOCKENCE_COMPLETE").source())
