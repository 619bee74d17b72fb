"""The search finds numbers, too: Sphinx leaves words of digits only out of its index."""

from sphinx.search.en import SearchEnglish


class EnglishWithNumbers(SearchEnglish):
    """English words, and numbers of three digits or more, such as 426 and 1006."""

    def word_filter(self, word):
        """Tell whether a word goes into the index."""
        return super().word_filter(word) or (word.isdigit() and len(word) > 2)


def setup(app):
    """Index pages in this way."""
    app.add_search_language(EnglishWithNumbers)
    return {"parallel_read_safe": True}
