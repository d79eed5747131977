"""The safe grader: a class of notebooks, each run in a sandbox on a hidden company, and marked outside of it.

    submissions -> assembly -> sandbox (inside/) -> answers as text -> marking -> gradebook, feedback, report

What a student wrote runs only below `inside/`, behind `sandbox`. Everything that comes out of it is text that this
process reads by the codec's rules; a key, the truth, the seed and other students' work are never in there.
"""
