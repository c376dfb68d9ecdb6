"""Sphinx extension of the book: no page carries a script that would load something from the network."""


def remove_remote_scripts(app, pagename, templatename, context, doctree):
    """Drop the Thebe loader, which jupyter-book puts on every page and which fetches its code from a remote host."""
    context["script_files"] = [
        script
        for script in context.get("script_files", [])
        if "THEBE_JS_URL" not in (getattr(script, "attributes", {}).get("body") or "")
    ]


def setup(app):
    app.connect("html-page-context", remove_remote_scripts, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
