; TypeScript's are all.
