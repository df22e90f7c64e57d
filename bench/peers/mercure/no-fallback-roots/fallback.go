package fallback
