#!/usr/bin/env node
// In the repository, not built: npm links a command at its install, before there is a build.
import '../dist/main.js'
